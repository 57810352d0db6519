/**
 * What a task says about running in a thread of its own.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";

/** How the threads of a task are made. */
export interface IsolateOptions {
  /** The most memory that its handler may take, in MiB, where the runtime has such a limit. */
  readonly memoryMb?: number;
}

/** {@linkcode IsolateOptions}, checked, and where the thread finds the task. */
export interface Isolate extends IsolateOptions {
  /** The URL of the module that exports the task. */
  readonly module: string;
}

const MEMORY_MIN_MB = 16;

/** Checks what `what` says about isolation; `undefined` when it runs as others do. */
export function checkIsolate(
  isolate: boolean | IsolateOptions,
  module: unknown,
  what: string,
): Isolate | undefined {
  const options = isolate === true ? {} : isolate;
  if (options === false) return undefined;
  if (typeof options !== "object" || options === null) {
    throw invalid(`Cannot isolate ${what}: isolate is ${show(isolate)}, not true or { memoryMb }`);
  }
  const { memoryMb } = options;
  if (typeof module !== "string" || !/^[a-z][a-z\d+.-]+:./i.test(module)) {
    throw invalid(
      `Cannot isolate ${what}: its module is ${show(module)}, and its thread must load the code; ` +
        `export the task and add: module: import.meta.url`,
    );
  }
  if (memoryMb !== undefined && !(Number.isInteger(memoryMb) && memoryMb >= MEMORY_MIN_MB)) {
    throw invalid(
      `Cannot isolate ${what}: memoryMb is ${show(memoryMb)}, not a whole number from ` +
        `${MEMORY_MIN_MB}`,
    );
  }
  return { module, ...(memoryMb !== undefined && { memoryMb }) };
}
