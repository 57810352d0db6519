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
  readonly #gathered: () => Promise<unknown>;
  readonly #batches: Batch<Item, Answer>[] = [];
  #flushing: Promise<void> | undefined;

  /**
   * `write` gets at least one item, and is not called again before it has settled. What is added
   * until `gathered` resolves comes along: unless it says otherwise, what is added in this turn.
   */
  constructor(
    write: (items: readonly Item[]) => Promise<Answer>,
    gathered: () => Promise<unknown> = () => Promise.resolve(),
  ) {
    this.#write = write;
    this.#gathered = gathered;
  }

  /** Resolves when the batch that holds `items` is written; all of them are in one batch. */
  add(items: readonly Item[]): Promise<Answer> {
    let batch = this.#batches[this.#batches.length - 1];
    if (batch === undefined || batch.items.length + items.length > BATCH_MAX) {
      this.#batches.push(batch = newBatch());
    }
    for (const item of items) batch.items.push(item);
    this.#flushing ??= this.#flush();
    return batch.written;
  }

  /** Resolves when everything that was added is written, or has failed. */
  async settled(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    await this.#gathered();
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
  readonly written: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

function newBatch<Item, Answer>(): Batch<Item, Answer> {
  let settle: Pick<Batch<Item, Answer>, "resolve" | "reject"> | undefined;
  const written = new Promise<Answer>((resolve, reject) => settle = { resolve, reject });
  return { items: [], written, ...settle! };
}
