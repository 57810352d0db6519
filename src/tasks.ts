/**
 * The tasks that an Errand knows, by name.
 *
 * @module
 */
import type { TaskField } from "./broker.ts";
import { ErrandError, invalid, show } from "./errors.ts";
import type { Task } from "./task.ts";

/** A set of tasks with unique names. */
export class Tasks {
  readonly #byName = new Map<string, Task>();
  readonly #check: (task: Task) => void;

  /** `check` throws for a task that cannot be one of them. */
  constructor(check: (task: Task) => void = () => {}) {
    this.#check = check;
  }

  /** Adds tasks; the same definition may be added again, another of the same name may not. */
  add(tasks: readonly Task[]): void {
    if (!Array.isArray(tasks)) throw invalid(`Cannot add tasks: ${show(tasks)} is no list of them`);
    for (const task of tasks as readonly Task[]) {
      if (typeof task?.run !== "function" || task.policy === undefined) {
        throw invalid(`Cannot add ${show(task)} as a task: make one by defineTask`);
      }
      this.#check(task);
      const known = this.#byName.get(task.name);
      if (known !== undefined && known !== task) {
        throw new ErrandError(
          "CONFLICT",
          `Cannot add task "${task.name}": another task has this name; names are unique, so ` +
            `rename one of the two`,
        );
      }
      this.#byName.set(task.name, task);
    }
  }

  /** The task of this name. */
  get(name: string): Task | undefined {
    return this.#byName.get(name);
  }

  /** How many there are: none is ever taken away. */
  get size(): number {
    return this.#byName.size;
  }

  /** All of them. */
  all(): readonly Task[] {
    return [...this.#byName.values()];
  }

  /** The payload fields that they declare as searchable. */
  fields(): readonly TaskField[] {
    return this.all().flatMap(({ name, index = [] }) =>
      index.map((field) => ({ task: name, field }))
    );
  }

  /** The queues that their jobs wait in unless they say otherwise. */
  queues(): readonly string[] {
    return [...new Set([...this.#byName.values()].map(({ queue }) => queue))];
  }
}
