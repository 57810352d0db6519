/**
 * Queues, by hand.
 *
 * @module
 */
import type { BulkFilter, BulkResult } from "./bulk.ts";
import { invalid, show } from "./errors.ts";
import type { HistoryHost } from "./history.ts";
import { checkName } from "./task.ts";

const LIMIT_MAX = 1_000_000;

/** Pauses, resumes, limits and removes queues, for all workers of the database. */
export class Queues {
  readonly #host: HistoryHost;

  /** Made by an Errand. */
  constructor(host: HistoryHost) {
    this.#host = host;
  }

  /** From now on no job of `queue` is claimed; running ones go on. */
  async pause(queue: string): Promise<void> {
    const { broker, events } = this.#host;
    const changed = await broker.setPaused(checkName(queue, "the name of a queue"), true);
    if (changed) events.emit("paused", { queue });
  }

  /** Ends a pause. */
  async resume(queue: string): Promise<void> {
    const { broker, events, wake } = this.#host;
    const changed = await broker.setPaused(checkName(queue, "the name of a queue"), false);
    if (!changed) return;
    events.emit("resumed", { queue });
    wake.signal("work");
  }

  /**
   * From now on at most `most` jobs of `queue` run at once, over all workers of the database:
   * decided by the claim itself, so that it holds exactly. What runs already goes on. `null` ends
   * the limit.
   *
   * @throws {ErrandError} `INVALID_INPUT` unless it is a whole number from 1 to 1,000,000.
   */
  async limit(queue: string, most: number | null): Promise<void> {
    const { broker, wake } = this.#host;
    checkName(queue, "the name of a queue");
    if (most !== null && !(Number.isInteger(most) && most >= 1 && most <= LIMIT_MAX)) {
      throw invalid(
        `Cannot use ${show(most)} as the limit of queue "${queue}": it is a whole number from 1 ` +
          `to ${LIMIT_MAX}, or null for none; to stop a queue, pause it`,
      );
    }
    await broker.setLimit(queue, most);
    wake.signal("work");
  }

  /**
   * Removes all jobs of `queue`, in whatever state, its pause and its limit; running ones are
   * cancelled first. Batch by batch, as the verbs for many jobs do; meanwhile no job of it is
   * claimed. When it was interrupted, the queue stays paused, and the same call does the rest. A
   * queue is there again with the next job that is enqueued to it.
   */
  async remove(queue: string): Promise<{ readonly count: number }> {
    const { broker, wake } = this.#host;
    checkName(queue, "the name of a queue");
    const whole = await broker.verbs?.removeQueue(queue);
    const count = whole?.count ?? await this.#remove(queue);
    wake.signal("work");
    return { count };
  }

  async #remove(queue: string): Promise<number> {
    const { broker } = this.#host;
    await broker.setPaused(queue, true);
    await this.#all("cancel", { queue, state: "running" });
    const count = await this.#all("remove", { queue });
    await broker.setLimit(queue, null);
    await broker.setPaused(queue, false);
    return count;
  }

  async #all(verb: "cancel" | "remove", filter: BulkFilter): Promise<number> {
    const { changeMany } = await import("./history.ts");
    let sum = 0;
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const result: BulkResult = await changeMany(this.#host, verb, filter, { cursor });
      sum += result.count;
      cursor = result.cursor;
    }
    return sum;
  }
}
