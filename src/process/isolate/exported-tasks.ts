/**
 * The tasks that a module exports.
 *
 * @module
 */
import type { Task } from "../../task.ts";

/** Tasks among the exports, and in arrays that are exported, each once. */
export function exportedTasks(module: Readonly<Record<string, unknown>>): readonly Task[] {
  const exported = Object.values(module).flatMap((value): unknown => value);
  return [...new Set(exported.filter(isTask))];
}

/** By its shape, as the module may have loaded another copy of this library. */
function isTask(value: unknown): value is Task {
  const { name, queue, policy, run } = (value ?? {}) as Partial<Task>;
  return typeof value === "object" && typeof run === "function" && typeof name === "string" &&
    typeof queue === "string" && typeof policy === "object";
}
