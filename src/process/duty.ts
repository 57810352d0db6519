/**
 * What a detached worker does: holds the mark of a single one, works, and gives the mark up only
 * when there is nothing left to do.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { Errand } from "../errand.ts";
import { newId } from "../id.ts";
import { Loop } from "../loop.ts";
import type { MarkBroker } from "../mark-broker.ts";
import type { WorkerOptions } from "../worker-options.ts";

/** What is to be done, and with what. */
export interface DutyOptions {
  readonly errand: Errand;
  readonly marks: MarkBroker;
  /** The queues that the worker serves. */
  readonly queues: readonly string[];
  readonly worker: WorkerOptions;
  /** The mark that admits one; without it any number may work. */
  readonly mark?: string;
  /** Until when: `false` until stopped, else until no job is live, or none is due. */
  readonly drain: boolean | "due";
  readonly clock?: Clock;
}

const DEFAULT_LEASE = "30s";
const BEATS_PER_LEASE = 3;
const RETRY_MS = 500;

/** Begins; `undefined` when another one holds the mark. */
export async function takeUp(options: DutyOptions): Promise<Duty | undefined> {
  const { marks, mark, worker } = options;
  const holder = newId();
  const leaseMs = durationMs(worker.lease ?? DEFAULT_LEASE, "lease");
  if (mark === undefined) return new Duty(options, undefined);
  if (!(await marks.take(mark, holder, leaseMs))) return undefined;
  return new Duty(options, { name: mark, holder, leaseMs });
}

interface Held {
  readonly name: string;
  readonly holder: string;
  readonly leaseMs: number;
}

/** Work under way. */
export class Duty {
  /** Resolves when it has ended; rejects when it cannot go on. */
  readonly done: Promise<void>;

  readonly #options: DutyOptions;
  readonly #mark: Held | undefined;
  readonly #stopping = new AbortController();

  /** Made by {@linkcode takeUp}. */
  constructor(options: DutyOptions, mark: Held | undefined) {
    this.#options = options;
    this.#mark = mark;
    this.done = this.#work();
    this.done.catch(() => {}); // who waits for it hears of it
  }

  /** Ends it early: what runs has its grace, or is given back at once by one that drains. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.done;
  }

  async #work(): Promise<void> {
    const { marks, clock = systemClock } = this.#options;
    const mark = this.#mark;
    const heart = mark && new Loop(clock, () => this.#beat(mark));
    heart?.start();
    try {
      await this.#worked();
    } finally {
      await heart?.stop();
      if (mark !== undefined) await marks.release(mark.name, mark.holder);
    }
  }

  async #worked(): Promise<void> {
    const { errand, worker, drain } = this.#options;
    const { signal } = this.#stopping;
    if (drain === false) {
      await using started = errand.worker(worker);
      await started.start();
      return void await Promise.race([aborted(signal), started.stopped]);
    }
    const scheduled = drain !== "due";
    for (let ended = ""; ended !== "aborted";) { // by its signal, or from elsewhere
      ({ ended } = await errand.worker(worker).drain({ signal, scheduled }));
      if (ended === "empty" && await this.#nothingLeft()) return;
    }
  }

  /**
   * The mark is given up in the very look that finds nothing: whoever adds a job before it keeps
   * this worker at work, and whoever does so after it finds the mark free.
   */
  async #nothingLeft(): Promise<boolean> {
    const { marks, queues, drain } = this.#options;
    if (this.#mark === undefined) return true;
    const { name, holder } = this.#mark;
    return await marks.releaseIdle({ name, holder, queues, later: drain !== "due" });
  }

  async #beat({ name, holder, leaseMs }: Held): Promise<number> {
    try {
      // another one has it when this process was kept from prolonging it
      if (!(await this.#options.marks.prolong(name, holder, leaseMs))) this.#stopping.abort();
      return leaseMs / BEATS_PER_LEASE;
    } catch {
      return Math.min(RETRY_MS, leaseMs / BEATS_PER_LEASE);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
