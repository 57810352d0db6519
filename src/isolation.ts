/**
 * Where handlers of tasks that say `isolate` run: loaded when there is one.
 *
 * @module
 */
import type { HandlerContext } from "./context.ts";
import type { Threads } from "./process/isolate/threads.ts";
import type { Task } from "./task.ts";

/** The isolated handlers of one worker. */
export class Isolation {
  readonly #most: number;
  readonly #limitBytes: number;
  readonly #standIns = new Map<Task, Task>();
  #threads: Promise<Threads> | undefined;

  /** At most `most` handlers at once, with results of at most `limitBytes`. */
  constructor(most: number, limitBytes: number) {
    this.#most = most;
    this.#limitBytes = limitBytes;
  }

  /**
   * Makes ready for `tasks`, when one of them needs it.
   *
   * @throws {ErrandError} `INVALID_INPUT` where the runtime has no threads.
   */
  open(tasks: readonly Task[]): Promise<unknown> | undefined {
    return tasks.some(({ isolate }) => isolate !== undefined) ? this.#opened() : undefined;
  }

  /** The task, or the one whose handler runs it in a thread. */
  task(task: Task): Task {
    const { isolate } = task;
    if (isolate === undefined) return task;
    const known = this.#standIns.get(task);
    if (known !== undefined) return known;
    const run: Task["run"] = async (context) =>
      await (await this.#opened()).run(task.name, isolate, context as HandlerContext);
    const standIn = { ...task, run };
    this.#standIns.set(task, standIn);
    return standIn;
  }

  /** Ends all threads, after the grace of those whose handlers still run. */
  async close(): Promise<void> {
    await (await this.#threads?.catch(() => undefined))?.close();
  }

  #opened(): Promise<Threads> {
    const limits = { most: this.#most, limitBytes: this.#limitBytes };
    return this.#threads ??= import("./process/isolate/threads.ts")
      .then(({ openThreads }) => openThreads(limits));
  }
}
