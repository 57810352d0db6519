/**
 * Queues, by hand.
 *
 * @module
 */
import type { BulkFilter, BulkResult } from "./bulk.ts";
import { changeMany, type HistoryHost } from "./history.ts";
import { checkName } from "./task.ts";

/** Pauses, resumes and removes queues, for all workers of the database. */
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
   * Removes all jobs of `queue`, in whatever state, and its pause; running ones are cancelled
   * first. Batch by batch, as the verbs for many jobs do; meanwhile no job of it is claimed. When
   * it was interrupted, the queue stays paused, and the same call does the rest. A queue is there
   * again with the next job that is enqueued to it.
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
    await broker.setPaused(queue, false);
    return count;
  }

  async #all(verb: "cancel" | "remove", filter: BulkFilter): Promise<number> {
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
