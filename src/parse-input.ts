/**
 * A stored payload through the schema that its task has today.
 *
 * @module
 */
import { isInvalidInput, parse } from "./schema.ts";
import type { Task } from "./task.ts";

/** The stored payload does not fit the schema of today. */
export class RefusedInput extends Error {}

/** `instanceof` asks the value that a handler threw, and a proxy may throw in turn. */
export function isRefused(thrown: unknown): thrown is RefusedInput {
  try {
    return thrown instanceof RefusedInput;
  } catch {
    return false;
  }
}

/** The parsed payload of a job; a `RefusedInput` is thrown when its task's schema refuses it. */
export function parseInput(task: Task, payload: unknown): unknown {
  const refuse = (error: unknown): never => {
    throw isInvalidInput(error) ? new RefusedInput("", { cause: error }) : error;
  };
  try {
    const parsed = parse(task.input, payload, `run task "${task.name}"`);
    return parsed instanceof Promise ? parsed.catch(refuse) : parsed;
  } catch (error) {
    return refuse(error);
  }
}
