/**
 * The tasks of a module that somebody named.
 *
 * @module
 */
import { ErrandError, invalid } from "../errors.ts";
import type { ErrandOptions } from "../options.ts";
import type { Task } from "../task.ts";
import { exportedTasks, unloadable } from "./isolate/exported-tasks.ts";

/** What a module of tasks exports. */
export interface LoadedTasks extends Pick<ErrandOptions, "nextRuns"> {
  readonly tasks: readonly Task[];
}

/**
 * Loads a module by its URL; `act` is what needs it, for the message.
 *
 * @throws {ErrandError} `INVALID_INPUT` when it cannot be loaded, or exports no tasks.
 */
export async function loadTasks(module: string, act: string): Promise<LoadedTasks> {
  const exports: Record<string, unknown> = await import(module).catch((cause: unknown) => {
    const fact = `its module ${module} cannot be loaded: ${unloadable(cause)}`;
    throw new ErrandError("INVALID_INPUT", `Cannot ${act}: ${fact}`, { cause });
  });
  const tasks = exportedTasks(exports);
  if (tasks.length === 0) {
    const fact = `its module ${module} exports no tasks; export what defineTask returns`;
    throw invalid(`Cannot ${act}: ${fact}`);
  }
  const { nextRuns } = exports as Pick<ErrandOptions, "nextRuns">;
  return { tasks, ...(nextRuns !== undefined && { nextRuns }) };
}
