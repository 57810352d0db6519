/**
 * How often to look at a database, come what may. Where nobody tells of other processes' commits:
 * soon after something happened here, and then less and less often.
 *
 * @module
 */
import { type Clock, jittered } from "./clock.ts";

const FIRST_MS = 250;
const GROWTH = 1.5;

/** The pauses of one who looks. */
export class Pace {
  readonly #clock: Clock;
  readonly #firstMs: number;
  /** No pause is longer than this, but for a tenth of chance. */
  readonly mostMs: number;
  #nextMs: number;

  /** `silent`: nobody tells of commits. */
  constructor(clock: Clock, mostMs: number, silent = false) {
    this.#clock = clock;
    this.mostMs = mostMs;
    this.#nextMs = this.#firstMs = silent ? Math.min(FIRST_MS, mostMs) : mostMs;
  }

  /** The pause before the next look; the one after it is longer. */
  pauseMs(): number {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * GROWTH, this.mostMs);
    return jittered(this.#clock, pauseMs, 0.1);
  }

  /** Something happened: more of it may follow soon. */
  quicken(): void {
    this.#nextMs = this.#firstMs;
  }
}
