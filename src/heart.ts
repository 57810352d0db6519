/**
 * Heartbeats: they keep a worker's leases alive, carry what handlers report, and bring back which
 * jobs are no longer held.
 *
 * @module
 */
import type { Broker, LostJob } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { Events } from "./events.ts";
import { Loop } from "./loop.ts";
import type { Held } from "./outcome.ts";

/** What a heart beats for. */
export interface HeartHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly leaseMs: number;
  /** What is held now, with what there is to report. */
  held(): readonly Held[];
  /** What `held` reported was saved. */
  saved(held: readonly Held[]): void;
  /** A job that is no longer held under `lease`. */
  lose(job: LostJob, lease: string | undefined): void;
}

/** Beats in the length of a lease. */
const BEATS_PER_LEASE = 3;
/** What a handler reports is saved so soon. */
const REPORT_MS = 500;
/** After a beat that failed. */
const RETRY_MS = 500;

/** Counts what each lease still holds, and beats while there is a lease. */
export class Heart {
  readonly #host: HeartHost;
  readonly #loop: Loop;
  readonly #open = new Map<string, number>();
  #emptied: string[] = [];
  #lastMs = 0;
  #hurried = false;

  /** Rests until started. */
  constructor(host: HeartHost) {
    this.#host = host;
    this.#loop = new Loop(host.clock, () => this.#turn());
  }

  /** Begins to beat. */
  start(): void {
    this.#lastMs = this.#host.clock.elapsedMs();
    this.#loop.start();
  }

  /** Beats no more. */
  stop(): Promise<void> {
    return this.#loop.stop();
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

  /** Beats now, unless nothing is held. */
  async beat(): Promise<void> {
    const { broker, clock, leaseMs } = this.#host;
    this.#hurried = false;
    if (this.#open.size === 0) return;
    const held = this.#host.held();
    const lost = await broker.heartbeat({ leaseMs, leases: [...this.#open.keys()], held });
    this.#host.saved(held);
    this.#lastMs = clock.elapsedMs();
    for (const job of lost) this.#host.lose(job, held.find(({ id }) => id === job.id)?.lease);
  }

  async #turn(): Promise<number> {
    const { clock, events, leaseMs } = this.#host;
    const everyMs = this.#hurried ? REPORT_MS : leaseMs / BEATS_PER_LEASE;
    const restMs = this.#lastMs + everyMs - clock.elapsedMs();
    if (restMs > 0) return restMs;
    try {
      await this.beat();
    } catch (error) {
      events.emit("error", { error, during: "heartbeat" });
      return RETRY_MS;
    }
    this.#lastMs = clock.elapsedMs();
    return leaseMs / BEATS_PER_LEASE;
  }
}
