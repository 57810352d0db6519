/**
 * Heartbeats: they keep a worker's leases and its row alive, carry what handlers report, and bring
 * back which jobs are no longer held, and what the worker is asked to do.
 *
 * @module
 */
import type { Broker, LostJob } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { emitErrors, type Events } from "./events.ts";
import { Loop } from "./loop.ts";
import type { Held } from "./outcome.ts";
import type { Wake } from "./wake.ts";
import type { WorkerBeat, WorkerCommand } from "./worker-broker.ts";

/** What a heart beats for. */
export interface HeartHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly wake: Wake;
  readonly leaseMs: number;
  /** What is held now, with what there is to report. */
  held(): readonly Held[];
  /** What `held` reported was saved. */
  saved(held: readonly Held[]): void;
  /** A job that is no longer held under `lease`. */
  lose(job: LostJob, lease: string | undefined): void;
  /** The worker's id, and what its row is to say. */
  readonly id: string;
  worker(): WorkerBeat;
  /** The worker was asked to end, by whomever; it may hear of that again and again. */
  asked(command: WorkerCommand): void;
}

/** Beats in the length of a lease. */
const BEATS_PER_LEASE = 3;
/** What a handler reports is saved so soon. */
const REPORT_MS = 500;
/** After a beat that failed. */
const RETRY_MS = 500;
/** When others commit, it looks for a command no more often than this. */
const NEWS_GAP_MS = 1_000;

/** Counts what each lease still holds, and beats for all of them and for the worker. */
export class Heart {
  readonly #host: HeartHost;
  readonly #loop: Loop;
  readonly #open = new Map<string, number>();
  #emptied: string[] = [];
  #lastMs = 0;
  #hurried = false;
  /** When the worker's row is due, and whether there is one. */
  #rowMs = 0;
  #hasRow = false;
  #lookedMs = -Infinity;
  #lookMs = Infinity;
  #endListening: (() => void) | undefined;
  #begun: (() => void) | undefined;

  /** Rests until started. */
  constructor(host: HeartHost) {
    this.#host = host;
    this.#loop = new Loop(host.clock, () => this.#turn());
  }

  /**
   * Begins to beat; resolves once the worker's row is written. `later` is for a worker that may be
   * done by then: its row comes with the first beat that is due, and this resolves at once.
   */
  async start(row: "now" | "later"): Promise<void> {
    const { clock, leaseMs, wake } = this.#host;
    this.#lastMs = clock.elapsedMs();
    this.#rowMs = row === "now" ? this.#lastMs : this.#lastMs + leaseMs / BEATS_PER_LEASE;
    this.#endListening = wake.listen((own) => this.#news(own));
    const begun = new Promise<void>((resolve) => this.#begun = resolve);
    this.#loop.start();
    await begun;
  }

  /** Beats no more, and removes the worker's row. */
  async stop(): Promise<void> {
    this.#endListening?.();
    await this.#loop.stop();
    if (!this.#hasRow) return;
    const { broker, events, id } = this.#host;
    this.#hasRow = false;
    try {
      await broker.workers.remove(id);
    } catch (error) {
      events.emit("error", { error, during: "stop" }); // it will be shown as dead
    }
  }

  /** A job was claimed under `lease`. */
  hold(lease: string): void {
    this.#open.set(lease, (this.#open.get(lease) ?? 0) + 1);
  }

  /** A job of `lease` was settled or lost. */
  letGo(lease: string): void {
    const left = (this.#open.get(lease) ?? 0) - 1;
    if (left > 0) {
      this.#open.set(lease, left);
    } else if (this.#open.delete(lease)) {
      this.#emptied.push(lease);
    }
  }

  /** Those of `leases`, one for each settled job, that will hold nothing once they are let go. */
  emptiedBy(leases: readonly string[]): readonly string[] {
    const settled = new Map<string, number>();
    for (const lease of leases) settled.set(lease, (settled.get(lease) ?? 0) + 1);
    return [...settled].filter(([lease, n]) => this.#open.get(lease) === n).map(([lease]) => lease);
  }

  /** The leases that hold nothing any more, once. */
  takeEmptied(): readonly string[] {
    const emptied = this.#emptied;
    this.#emptied = [];
    return emptied;
  }

  /** A handler has something to report. */
  hurry(): void {
    if (this.#hurried) return;
    this.#hurried = true;
    this.#loop.wake();
  }

  /** Beats now, unless nothing is held and the worker's row is not due. */
  async beat(): Promise<void> {
    const { broker, clock, events, leaseMs } = this.#host;
    this.#hurried = false;
    const worker = this.#dueRow();
    if (this.#open.size === 0 && worker === undefined) return;
    const held = this.#host.held();
    const request = { leaseMs, leases: [...this.#open.keys()], held };
    const { lost, command, dropped } = await broker.heartbeat(
      worker ? { ...request, worker } : request,
    )
      .catch((error: unknown) => {
        if (worker !== undefined) this.#rowMs = clock.elapsedMs();
        throw error;
      });
    this.#host.saved(held);
    this.#lastMs = clock.elapsedMs();
    emitErrors(events, "heartbeat", dropped);
    for (const job of lost) this.#host.lose(job, held.find(({ id }) => id === job.id)?.lease);
    if (command !== undefined) this.#host.asked(command);
  }

  /** What the worker's row is to say, when it is due: once for beats that overlap. */
  #dueRow(): WorkerBeat | undefined {
    const { clock, leaseMs } = this.#host;
    if (clock.elapsedMs() < this.#rowMs) return undefined;
    this.#rowMs = clock.elapsedMs() + leaseMs / BEATS_PER_LEASE;
    this.#hasRow = true; // or maybe, if it cannot be written
    return this.#host.worker();
  }

  async #turn(): Promise<number> {
    const { clock, events } = this.#host;
    try {
      if (clock.elapsedMs() >= this.#lookMs) await this.#look();
      if (this.#restMs() <= 0) {
        await this.beat();
        this.#lastMs = clock.elapsedMs();
      }
      return Math.min(this.#restMs(), this.#lookMs - clock.elapsedMs());
    } catch (error) {
      events.emit("error", { error, during: "heartbeat" });
      return RETRY_MS;
    } finally {
      this.#begun?.();
    }
  }

  #restMs(): number {
    const { clock, leaseMs } = this.#host;
    const everyMs = this.#hurried ? REPORT_MS : leaseMs / BEATS_PER_LEASE;
    return Math.min(this.#lastMs + everyMs, this.#rowMs) - clock.elapsedMs();
  }

  /** Someone has committed something: maybe a command. */
  #news(own: boolean): void {
    const lookMs = own ? -Infinity : this.#lookedMs + NEWS_GAP_MS;
    if (!this.#hasRow || lookMs >= this.#lookMs) return;
    this.#lookMs = lookMs;
    this.#loop.wake();
  }

  async #look(): Promise<void> {
    const { broker, clock, id } = this.#host;
    this.#lookMs = Infinity;
    this.#lookedMs = clock.elapsedMs();
    const command = await broker.workers.asked(id);
    if (command !== undefined) this.#host.asked(command);
  }
}
