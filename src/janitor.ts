/**
 * What keeps the database tidy: rescue of expired leases, removal of old history. Each pass is one
 * bounded batch, any worker may run it, and running it twice does nothing more.
 *
 * @module
 */
import type { Broker, RescuedJob, RescueRequest, Retentions } from "./broker.ts";
import { DEFAULT_RETRY } from "./backoff.ts";
import { type Clock, jittered } from "./clock.ts";
import type { Tasks } from "./tasks.ts";

const RESCUE_LEASES_MAX = 100;
const PRUNE_ROWS_MAX = 1_000;
const PRUNE_EVERY_MS = 15_000;
/** The pause while there is something to remove: others write in between. */
const PRUNE_PAUSE_MS = 250;

/** What the janitor works with and for. */
export interface JanitorHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly retentionMs: number | null;
  /** Called after each pass with what it did. */
  tidied(done: { readonly rescued: readonly RescuedJob[]; readonly pruned: number }): void;
}

/** Runs passes; whoever owns it decides when. */
export class Janitor {
  readonly #host: JanitorHost;
  #cursor = "";
  #pruneAtMs = 0;

  /** Does nothing until asked for a pass. */
  constructor(host: JanitorHost) {
    this.#host = host;
  }

  /** One pass; answers the milliseconds until the next one is worth while, at most `mostMs`. */
  async pass(mostMs: number): Promise<number> {
    const { broker, clock } = this.#host;
    const { jobs, nextExpiryMs } = await broker.rescue(rescueRequest(this.#host));
    const due = clock.elapsedMs() >= this.#pruneAtMs;
    const pruned = due ? await this.#prune() : 0;
    if (jobs.length > 0 || pruned > 0) this.#host.tidied({ rescued: jobs, pruned });
    const nextPruneMs = Math.max(0, this.#pruneAtMs - clock.elapsedMs());
    return jittered(clock, Math.min(nextExpiryMs ?? mostMs, nextPruneMs, mostMs), 0.05) + 1;
  }

  /**
   * Jobs mostly expire in the order of their ids: so the head of the table is looked at each time,
   * and for the others a cursor roves through the rest.
   */
  async #prune(): Promise<number> {
    const { broker, clock } = this.#host;
    const head = await broker.prune("", PRUNE_ROWS_MAX);
    const rest = await broker.prune(this.#cursor || head.cursor, PRUNE_ROWS_MAX);
    this.#cursor = rest.cursor;
    const removed = head.removed + rest.removed;
    const changes = await broker.feed.tidy();
    const pauseMs = removed + changes > 0 ? PRUNE_PAUSE_MS : PRUNE_EVERY_MS;
    this.#pruneAtMs = clock.elapsedMs() + jittered(clock, pauseMs, 0.1);
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

/** How long ended jobs of each task stay, where the job says nothing itself. */
export function retentions(tasks: Tasks, defaultMs: number | null): Retentions {
  const said = tasks.all().filter(({ policy }) => policy.retentionMs !== undefined);
  return {
    defaultMs,
    tasks: Object.fromEntries(said.map(({ name, policy }) => [name, policy.retentionMs ?? null])),
  };
}
