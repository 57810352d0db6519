/**
 * Group commit: what is asked for in one turn, and while the last batch is being written, goes
 * into one batch.
 *
 * @module
 */

/** Gathers items and writes them together, one batch at a time. */
export class Collector<Item, Answer> {
  readonly #write: (items: readonly Item[]) => Promise<Answer>;
  #open: Batch<Item, Answer> | undefined;
  #busy = false;

  /** `write` gets at least one item, and is not called again before it has settled. */
  constructor(write: (items: readonly Item[]) => Promise<Answer>) {
    this.#write = write;
  }

  /** Resolves when the batch that holds `items` is written; all of them are in one batch. */
  add(items: readonly Item[]): Promise<Answer> {
    if (this.#open === undefined) {
      this.#open = newBatch();
      if (!this.#busy) queueMicrotask(() => void this.#flush());
    }
    for (const item of items) this.#open.items.push(item);
    return this.#open.written;
  }

  /** Resolves when everything that was added is written, or has failed. */
  async settled(): Promise<void> {
    while (this.#open !== undefined || this.#busy) {
      await (this.#open ?? this.#current)?.written.catch(() => {});
      await Promise.resolve();
    }
  }

  #current: Batch<Item, Answer> | undefined;

  async #flush(): Promise<void> {
    this.#busy = true;
    while (this.#open !== undefined) {
      const batch = this.#current = this.#open;
      this.#open = undefined;
      try {
        batch.resolve(await this.#write(batch.items));
      } catch (error) {
        batch.reject(error);
      }
    }
    this.#current = undefined;
    this.#busy = false;
  }
}

interface Batch<Item, Answer> {
  readonly items: Item[];
  readonly written: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

function newBatch<Item, Answer>(): Batch<Item, Answer> {
  let settle: Pick<Batch<Item, Answer>, "resolve" | "reject"> | undefined;
  const written = new Promise<Answer>((resolve, reject) => settle = { resolve, reject });
  return { items: [], written, ...settle! };
}
