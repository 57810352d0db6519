/**
 * A poller for any process that stays: a run, a rest, and again.
 *
 * @example
 * ```ts
 * import { defineTask, Errand } from "errand";
 * import { every } from "errand/triggers/interval";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * await using errand = await Errand.open({ url: "file:errand.db", tasks: [greet] });
 * await using poller = every("10s", errand);
 * ```
 *
 * @module
 */
import { type Clock, jittered, systemClock } from "../clock.ts";
import { type Duration, durationMs } from "../duration.ts";
import type { Errand } from "../errand.ts";
import { invalid } from "../errors.ts";
import { Loop } from "../loop.ts";
import type { RunOptions } from "../run.ts";

/** How runs go. */
export interface IntervalOptions extends Omit<RunOptions, "signal"> {
  /** Where time comes from: for tests. */
  readonly clock?: Clock;
}

const INTERVAL_MIN_MS = 100;

/** Runs again and again, until it is stopped. */
export class Poller {
  readonly #loop: Loop;
  readonly #stop = new AbortController();

  /** Made by {@linkcode every}. */
  constructor(intervalMs: number, errand: Errand, options: IntervalOptions) {
    const { clock = systemClock, ...rest } = options;
    const restMs = async (): Promise<number> => {
      const summary = await errand.run({ ...rest, signal: this.#stop.signal });
      return summary.ran ? summary.comeBackMs ?? Infinity : Infinity;
    };
    this.#loop = new Loop(clock, async () => {
      const comeBackMs = await restMs().catch(() => Infinity); // the Errand tells of it
      return comeBackMs < intervalMs ? comeBackMs : jittered(clock, intervalMs, 0.1);
    });
    this.#loop.start();
  }

  /** Runs at once, or right after the run that goes on. */
  wake(): void {
    this.#loop.wake();
  }

  /** Ends it; what runs is given back. Resolves when nothing goes on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop.stop();
  }

  /** Stops, at the end of the scope of `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Runs now, and again `interval` after each run, or sooner when it is known that something is due.
 * The Errand's `ran` and `error` events tell what came of each.
 *
 * @throws {ErrandError} `INVALID_INPUT` for an interval below 100 ms.
 */
export function every(interval: Duration, errand: Errand, options: IntervalOptions = {}): Poller {
  const intervalMs = durationMs(interval, "interval");
  if (intervalMs >= INTERVAL_MIN_MS) return new Poller(intervalMs, errand, options);
  throw invalid(`Cannot run every ${intervalMs} ms: the least is ${INTERVAL_MIN_MS} ms`);
}
