/**
 * Group commit: what is asked for in one turn, and while the last batch is being written, goes
 * into one batch.
 *
 * @module
 */

/** A batch takes no further call's items beyond so many: others are to have their turn. */
const BATCH_MAX = 10_000;

/** Gathers items and writes them together, one batch at a time. */
export class Collector<Item, Answer> {
  readonly #write: (items: readonly Item[]) => Promise<Answer>;
  readonly #isRefusal: (error: unknown) => boolean;
  readonly #batches: Batch<Item, Answer>[] = [];
  #flushing: Promise<void> | undefined;

  /**
   * `write` gets at least one item, and is not called again before it has settled. What it throws
   * is for all whose items it got, unless `isRefusal` says that nothing was written as some of them
   * are to blame: then those of either half of the calls are written by themselves, and so on.
   */
  constructor(
    write: (items: readonly Item[]) => Promise<Answer>,
    isRefusal: (error: unknown) => boolean = () => false,
  ) {
    this.#write = write;
    this.#isRefusal = isRefusal;
  }

  /** Resolves when the batch that holds `items` is written; all of them are in one batch. */
  add(items: readonly Item[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const batch = this.#batchFor(items.length);
      for (const item of items) batch.items.push(item);
      batch.calls.push({ items, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Resolves when everything that was added is written, or has failed. */
  async settled(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  #batchFor(length: number): Batch<Item, Answer> {
    const last = this.#batches[this.#batches.length - 1];
    if (last !== undefined && !last.full && last.items.length + length <= BATCH_MAX) return last;
    const batch = { items: [], calls: [], full: false };
    this.#batches.push(batch);
    return batch;
  }

  async #flush(): Promise<void> {
    await Promise.resolve();
    for (let batch = this.#batches.shift(); batch; batch = this.#batches.shift()) {
      await this.#settle(batch);
    }
    this.#flushing = undefined;
  }

  async #settle({ items, calls }: Batch<Item, Answer>): Promise<void> {
    try {
      const answer = await this.#write(items);
      for (const call of calls) call.resolve(answer);
    } catch (error) {
      if (calls.length === 1 || !this.#isRefusal(error)) {
        for (const call of calls) call.reject(error);
      } else {
        const middle = calls.length >> 1;
        this.#batches.unshift(batchOf(calls.slice(0, middle)), batchOf(calls.slice(middle)));
      }
    }
  }
}

function batchOf<Item, Answer>(calls: Call<Item, Answer>[]): Batch<Item, Answer> {
  return { items: calls.flatMap(({ items }) => items), calls, full: true };
}

/** What one call adds, and its promise. */
interface Call<Item, Answer> {
  readonly items: readonly Item[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch<Item, Answer> {
  /** Those of all its calls. */
  readonly items: Item[];
  readonly calls: Call<Item, Answer>[];
  /** Whether no further call's items go into it. */
  readonly full: boolean;
}
