/**
 * Group commit: what is asked for in one turn, and while the last batch is being written, goes
 * into one batch.
 *
 * @module
 */

/** A batch takes no further call's items beyond so many: others are to have their turn. */
const BATCH_MAX = 10_000;

/** How items are gathered. */
export interface CollectorOptions {
  /** Whether an error says that nothing was written, for some of the items. @default none does */
  readonly isRefusal?: (error: unknown) => boolean;
  /** What is added until it resolves comes along. @default what is added in this turn */
  readonly gathered?: () => Promise<unknown>;
}

/** Gathers items and writes them together, one batch at a time. */
export class Collector<Item, Answer> {
  readonly #write: (items: readonly Item[]) => Promise<Answer>;
  readonly #options: CollectorOptions;
  readonly #batches: Batch<Item, Answer>[] = [];
  #flushing: Promise<void> | undefined;

  /**
   * `write` gets at least one item, and is not called again before it has settled. What it throws
   * is for all whose items it got, unless it refused them, for which some of them must be to blame:
   * then each call's items are written by themselves.
   */
  constructor(
    write: (items: readonly Item[]) => Promise<Answer>,
    options: CollectorOptions = {},
  ) {
    this.#write = write;
    this.#options = options;
  }

  /** Resolves when the batch that holds `items` is written; all of them are in one batch. */
  add(items: readonly Item[]): Promise<Answer> {
    let batch = this.#batches[this.#batches.length - 1];
    if (batch === undefined || batch.full || batch.items.length + items.length > BATCH_MAX) {
      this.#batches.push(batch = newBatch());
    }
    this.#put(batch, items);
    return batch.written.catch((error) => {
      if (batch.calls === 1 || this.#options.isRefusal?.(error) !== true) throw error;
      return this.#alone(items);
    });
  }

  #alone(items: readonly Item[]): Promise<Answer> {
    const batch = newBatch<Item, Answer>();
    batch.full = true;
    this.#batches.push(batch);
    this.#put(batch, items);
    return batch.written;
  }

  #put(batch: Batch<Item, Answer>, items: readonly Item[]): void {
    batch.calls++;
    for (const item of items) batch.items.push(item);
    this.#flushing ??= this.#flush();
  }

  /** Resolves when everything that was added is written, or has failed. */
  async settled(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async #flush(): Promise<void> {
    await (this.#options.gathered?.() ?? Promise.resolve());
    for (let batch = this.#batches.shift(); batch; batch = this.#batches.shift()) {
      try {
        batch.resolve(await this.#write(batch.items));
      } catch (error) {
        batch.reject(error);
      }
    }
    this.#flushing = undefined;
  }
}

interface Batch<Item, Answer> {
  readonly items: Item[];
  /** How many calls its items are of. */
  calls: number;
  /** Whether no further call's items go into it. */
  full: boolean;
  readonly written: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

function newBatch<Item, Answer>(): Batch<Item, Answer> {
  let settle: Pick<Batch<Item, Answer>, "resolve" | "reject"> | undefined;
  const written = new Promise<Answer>((resolve, reject) => settle = { resolve, reject });
  return { items: [], calls: 0, full: false, written, ...settle! };
}
