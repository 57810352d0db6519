/**
 * Queues, by hand.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { Events } from "./events.ts";
import { checkName } from "./task.ts";
import type { Wake } from "./wake.ts";

/** Pauses and resumes queues, for all workers of the database. */
export class Queues {
  readonly #broker: Broker;
  readonly #events: Events;
  readonly #wake: Wake;

  /** Made by an Errand. */
  constructor(broker: Broker, events: Events, wake: Wake) {
    this.#broker = broker;
    this.#events = events;
    this.#wake = wake;
  }

  /** From now on no job of `queue` is claimed; running ones go on. */
  async pause(queue: string): Promise<void> {
    const changed = await this.#broker.setPaused(checkName(queue, "the name of a queue"), true);
    if (changed) this.#events.emit("paused", { queue });
  }

  /** Ends a pause. */
  async resume(queue: string): Promise<void> {
    const changed = await this.#broker.setPaused(checkName(queue, "the name of a queue"), false);
    if (!changed) return;
    this.#events.emit("resumed", { queue });
    this.#wake.signal("work");
  }
}
