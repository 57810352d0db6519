/**
 * When the write-ahead log of a file is copied into it: in an idle moment after much was written
 * or, where no such moment comes, in small pieces between calls. SQLite does it at a commit, in the
 * middle of the work, and all at once.
 *
 * @module
 */
import { systemClock } from "../../clock.ts";

/** So much is worth two flushes of the disk. */
const ROWS_MIN = 2_000;
/** Nobody has written for so long. */
const IDLE_MS = 100;
/** So much is copied in some ten milliseconds … */
const PIECE_ROWS = 20_000;
/** … and is not waited for by those who write so much in a call: they would be copying all day. */
const BULK_ROWS = 1_000;

/** Counts what is written, and calls for a checkpoint. */
export class Checkpoints {
  readonly #checkpoint: () => void;
  #rows = 0;
  #wroteMs = 0;
  #cancel: (() => void) | undefined;
  #due = false;

  /** A `checkpoint` that fails is left to the next one, or to SQLite itself. */
  constructor(checkpoint: () => void) {
    this.#checkpoint = checkpoint;
  }

  /** So many rows were changed by a commit. */
  wrote(rows: number): void {
    this.#rows += rows;
    if (this.#rows < ROWS_MIN) return;
    this.#wroteMs = systemClock.elapsedMs();
    if (this.#rows >= PIECE_ROWS && rows < BULK_ROWS) this.#soon();
    else if (this.#cancel === undefined) this.#wait(IDLE_MS);
  }

  /** Calls for no more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#rows = -Infinity;
  }

  /** Between this call and those that come next. */
  #soon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#cancel?.();
    this.#cancel = systemClock.timer(0, () => {
      this.#cancel = undefined;
      this.#run();
    });
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
    this.#due = false;
    try {
      this.#checkpoint();
    } catch {
      // Nothing is lost: the log holds all of it, and whoever uses the database hears of a fault.
    }
  }
}
