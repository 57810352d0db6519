/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { loadingEnded } from "../lazy.ts";
import { type Duration, durationMs, type Instant, instantMs } from "../duration.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Turns of the event loop that are given to what a timer has set off. */
const TURNS = 20;

/**
 * Decides what now is for the library, its timers and the database's due times and leases.
 *
 * @example
 * ```ts
 * import { FakeClock } from "errand/testing";
 *
 * const clock = new FakeClock("2030-01-01T00:00:00Z");
 * await clock.advance("1h"); // every timer due in that hour fires, in order
 * ```
 */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #startMs: number;
  readonly #random: () => number;
  #nowMs: number;

  /** Starts at `start`; `random` stands in for chance. @default 0.5 at each draw */
  constructor(start: Instant = "2030-01-01T00:00:00Z", random: () => number = () => 0.5) {
    this.#startMs = this.#nowMs = instantMs(start, "the start of a FakeClock");
    this.#random = random;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#nowMs;
  }

  /** The same instant, for SQL. */
  databaseNow(): number {
    return this.#nowMs;
  }

  /** Milliseconds since the clock's start. */
  elapsedMs(): number {
    return this.#nowMs - this.#startMs;
  }

  /** Calls `run` once the clock was moved that far. */
  timer(delayMs: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** A real turn of the event loop: only time is fake. */
  turn(): Promise<void> {
    return systemClock.turn();
  }

  /** What the test said, instead of chance. */
  random(): number {
    return this.#random();
  }

  /** Moves the clock on, and lets everything that falls due on the way happen in its order. */
  async advance(by: Duration): Promise<void> {
    const untilMs = this.#nowMs + durationMs(by, "the step of a FakeClock");
    await this.#settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers.delete(next);
      next.run();
      await this.#settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (first === undefined || timer.atMs < first.atMs)) first = timer;
    }
    return first;
  }

  /** What is loaded when it is first used takes time of the real clock. */
  async #settle(): Promise<void> {
    do {
      for (let i = 0; i < TURNS; i++) await systemClock.turn();
    } while (await loadingEnded());
  }
}
