/**
 * When the write-ahead log of a file is copied into it: in an idle moment after much was written,
 * so that no call has to wait for it. SQLite does it at a commit, in the middle of the work.
 *
 * @module
 */
import { systemClock } from "../../clock.ts";

/** So much is worth two flushes of the disk. */
const ROWS_MIN = 2_000;
/** Nobody has written for so long. */
const IDLE_MS = 100;

/** Counts what is written, and calls for a checkpoint. */
export class Checkpoints {
  readonly #checkpoint: () => void;
  #rows = 0;
  #wroteMs = 0;
  #cancel: (() => void) | undefined;

  /** A `checkpoint` that fails is left to the next one, or to SQLite itself. */
  constructor(checkpoint: () => void) {
    this.#checkpoint = checkpoint;
  }

  /** So many rows were changed by a commit. */
  wrote(rows: number): void {
    this.#rows += rows;
    if (this.#rows < ROWS_MIN) return;
    this.#wroteMs = systemClock.elapsedMs();
    if (this.#cancel === undefined) this.#wait(IDLE_MS);
  }

  /** Calls for no more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#rows = -Infinity;
  }

  #wait(delayMs: number): void {
    this.#cancel = systemClock.timer(delayMs, () => {
      this.#cancel = undefined;
      const leftMs = this.#wroteMs + IDLE_MS - systemClock.elapsedMs();
      if (leftMs > 1) this.#wait(leftMs);
      else this.#run();
    });
  }

  #run(): void {
    this.#rows = 0;
    try {
      this.#checkpoint();
    } catch {
      // Nothing is lost: the log holds all of it, and whoever uses the database hears of a fault.
    }
  }
}
