/**
 * The ends of a loop's turns, for those who wait for the next one.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Whoever runs the loop tells of each end; others wait. */
export class Turns {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  /** Nobody waits yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the end of the next turn, or after `mostMs`. */
  next(mostMs: number = Infinity): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiting.delete(end);
        cancel?.();
        resolve();
      };
      this.#waiting.add(end);
      const cancel = mostMs === Infinity ? undefined : this.#clock.timer(mostMs, end);
    });
  }

  /** A turn has ended, or those who wait shall look again. */
  end(): void {
    for (const end of [...this.#waiting]) end();
  }
}
