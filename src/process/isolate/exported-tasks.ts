/**
 * The tasks that a module exports, or why there are none.
 *
 * @module
 */
import type { Task } from "../../task.ts";

/** Tasks among the exports, and in arrays that are exported, each once. */
export function exportedTasks(module: Readonly<Record<string, unknown>>): readonly Task[] {
  const exported = Object.values(module).flatMap((value): unknown => value);
  return [...new Set(exported.filter(isTask))];
}

/** Why a module cannot be loaded, for people. */
export function unloadable(cause: unknown): string {
  const { message, code } = cause instanceof Error
    ? cause as Error & { readonly code?: string }
    : { message: String(cause), code: undefined };
  if (code !== "ERR_UNKNOWN_FILE_EXTENSION") return message;
  return "this Node runs no TypeScript; use Node 22.18, Bun or Deno, or tsx, as the README has it";
}

/** By its shape, as the module may have loaded another copy of this library. */
function isTask(value: unknown): value is Task {
  const { name, queue, policy, run } = (value ?? {}) as Partial<Task>;
  return typeof value === "object" && typeof run === "function" && typeof name === "string" &&
    typeof queue === "string" && typeof policy === "object";
}
