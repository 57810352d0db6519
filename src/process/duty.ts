/**
 * What a detached worker does: holds the mark of a single one, works, and gives the mark up only
 * when there is nothing left to do.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { Mark } from "../mark.ts";
import type { MarkBroker } from "../mark-broker.ts";
import type { ErrandVerbs } from "../verbs.ts";
import type { WorkerOptions } from "../worker-options.ts";

/** What is to be done, and with what. */
export interface DutyOptions {
  readonly errand: ErrandVerbs;
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

/** Begins; `undefined` when another one holds the mark. */
export async function takeUp(options: DutyOptions): Promise<Duty | undefined> {
  const { marks, mark: name, worker, clock = systemClock } = options;
  const leaseMs = durationMs(worker.lease ?? DEFAULT_LEASE, "lease");
  const stopping = new AbortController();
  if (name === undefined) return new Duty(options, stopping);
  const mark = await Mark.take({ marks, clock, leaseMs, lost: () => stopping.abort() }, name);
  return mark && new Duty(options, stopping, mark);
}

/** Work under way. */
export class Duty {
  /** Resolves when it has ended; rejects when it cannot go on. */
  readonly done: Promise<void>;

  readonly #options: DutyOptions;
  readonly #stopping: AbortController;
  readonly #mark: Mark | undefined;

  /** Made by {@linkcode takeUp}. */
  constructor(options: DutyOptions, stopping: AbortController, mark?: Mark) {
    this.#options = options;
    this.#stopping = stopping;
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
    try {
      await this.#worked();
    } finally {
      await this.#mark?.release();
    }
  }

  async #worked(): Promise<void> {
    const { errand, worker, drain } = this.#options;
    const { signal } = this.#stopping;
    if (drain === false) {
      await using started = errand.worker(worker);
      const ended = Promise.race([aborted(signal), started.stopped]);
      await Promise.race([ended, started.start()]);
      return void await ended;
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
    const { queues, drain } = this.#options;
    return await this.#mark?.releaseIdle({ queues, later: drain !== "due" }) ?? true;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
