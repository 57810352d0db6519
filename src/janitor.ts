/**
 * What keeps the database tidy: rescue of expired leases, removal of old history. Each pass is one
 * bounded batch, any worker may run it, and running it twice does nothing more.
 *
 * @module
 */
import type { Broker, RescuedJob, RescueRequest } from "./broker.ts";
import { DEFAULT_RETRY } from "./backoff.ts";
import { type Clock, jittered } from "./clock.ts";
import type { Events } from "./events.ts";
import { Loop } from "./loop.ts";
import { retentions } from "./retentions.ts";
import type { Tasks } from "./tasks.ts";

const RESCUE_LEASES_MAX = 100;
const PRUNE_ROWS_MAX = 1_000;
const PRUNE_EVERY_MS = 15_000;
const WORKERS_MAX = 100;
const REQUESTS_MAX = 1_000;
/** A dead worker is shown for so long. */
const SHOW_DEAD_MS = 86_400_000;
/** The pause while there is something to remove: others write in between. */
const PRUNE_PAUSE_MS = 250;

/** What the janitor works with and for. */
export interface JanitorHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly retentionMs: number | null;
  /** How long its worker's leases last: the longest that it rests. */
  readonly leaseMs: number;
  /** Keeps its worker's leases alive. */
  beat(): Promise<void>;
  /** Called after each pass with what it did. */
  tidied(done: { readonly rescued: readonly RescuedJob[]; readonly pruned: number }): void;
}

/** Runs passes when one is worth while. */
export class Janitor {
  readonly #host: JanitorHost;
  readonly #loop: Loop;
  #cursor: string | undefined;
  #kept = "";
  #pruneAtMs = 0;

  /** Rests until started, or asked for a pass. */
  constructor(host: JanitorHost) {
    this.#host = host;
    this.#loop = new Loop(host.clock, () => this.#turn());
  }

  /** Begins to look. */
  start(): void {
    this.#loop.start();
  }

  /** Looks no more; resolves when the pass that runs has ended. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** One pass; answers the milliseconds until the next one is worth while. */
  async pass(): Promise<number> {
    const { broker, clock, leaseMs } = this.#host;
    const { jobs, nextExpiryMs } = await broker.rescue(rescueRequest(this.#host));
    const due = clock.elapsedMs() >= this.#pruneAtMs;
    const pruned = due ? await this.#prune() : 0;
    if (jobs.length > 0 || pruned > 0) this.#host.tidied({ rescued: jobs, pruned });
    const nextPruneMs = Math.max(0, this.#pruneAtMs - clock.elapsedMs());
    return jittered(clock, Math.min(nextExpiryMs ?? leaseMs, nextPruneMs, leaseMs), 0.05) + 1;
  }

  /** Its own leases first: a worker whose event loop was blocked shall not rescue from itself. */
  async #turn(): Promise<number> {
    const { beat, events, leaseMs } = this.#host;
    try {
      await beat();
      return await this.pass();
    } catch (error) {
      events.emit("error", { error, during: "rescue" });
      return leaseMs / 3;
    }
  }

  /** Leaves to others where the last pass has ended: one row, where the table is long. */
  async keep(): Promise<void> {
    if (this.#cursor === undefined || this.#cursor === this.#kept) return;
    await this.#host.broker.keepPruneCursor(this.#kept = this.#cursor);
  }

  /**
   * Jobs mostly expire in the order of their ids: so the head of the table is looked at each time,
   * and for the others a cursor roves through the rest.
   */
  async #prune(): Promise<number> {
    const { broker, clock } = this.#host;
    const head = await broker.prune("", PRUNE_ROWS_MAX);
    await broker.workers.prune(SHOW_DEAD_MS, WORKERS_MAX);
    await broker.api?.pruneRequests(REQUESTS_MAX);
    const removed = head.removed + (head.cursor === "" ? 0 : await this.#rove(head.cursor));
    const changes = await broker.feed.tidy();
    const pauseMs = removed + changes > 0 ? PRUNE_PAUSE_MS : PRUNE_EVERY_MS;
    this.#pruneAtMs = clock.elapsedMs() + jittered(clock, pauseMs, 0.1);
    return removed;
  }

  /** Goes on where the last pass has ended, beyond the head. */
  async #rove(headEnd: string): Promise<number> {
    const { broker } = this.#host;
    if (this.#cursor === undefined) this.#cursor = this.#kept = await broker.pruneCursor();
    const from = this.#cursor > headEnd ? this.#cursor : headEnd;
    const { removed, cursor } = await broker.prune(from, PRUNE_ROWS_MAX);
    this.#cursor = cursor;
    return removed;
  }
}

function rescueRequest({ tasks, retentionMs }: JanitorHost): RescueRequest {
  return {
    limit: RESCUE_LEASES_MAX,
    maxAttempts: DEFAULT_RETRY.maxAttempts,
    tasks: Object.fromEntries(
      tasks.all().map((task) => [task.name, {
        maxAttempts: task.policy.retry?.maxAttempts ?? DEFAULT_RETRY.maxAttempts,
        fail: task.onLeaseExpired === "fail",
      }]),
    ),
    retentions: retentions(tasks, retentionMs),
  };
}
