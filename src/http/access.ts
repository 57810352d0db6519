/**
 * Tokens that are limited to queues: for them there are no others.
 *
 * @module
 */
import { ErrandError, invalid, show } from "../errors.ts";
import type { Caller } from "./auth.ts";

/** Whether `caller` may have to do with `queue`. */
export function reaches({ queues }: Caller, queue: string): boolean {
  return queues === undefined || queues.includes(queue);
}

/** `queue`, when `caller` may have to do with it. @throws {ErrandError} `FORBIDDEN`. */
export function checkQueue(caller: Caller, queue: string): string {
  if (reaches(caller, queue)) return queue;
  throw new ErrandError(
    "FORBIDDEN",
    `Cannot use queue ${show(queue)}: this token is limited to ${caller.queues!.join(", ")}`,
  );
}

/**
 * The queue that a filter is to name: the one asked for, or the only one of the token's.
 *
 * @throws {ErrandError} `FORBIDDEN`; `INVALID_INPUT` when one of several must be chosen.
 */
export function filteredQueue(caller: Caller, queue: string | undefined): string | undefined {
  if (queue !== undefined) return checkQueue(caller, queue);
  if (caller.queues === undefined || caller.queues.length === 1) return caller.queues?.[0];
  const message = `this token is limited to ${caller.queues.join(", ")}: say which one is meant`;
  throw invalid(`Cannot look through all queues: ${message}`, [{ message, path: ["queue"] }]);
}

/** For what is about the whole database. @throws {ErrandError} `FORBIDDEN`. */
export function checkUnlimited({ queues }: Caller, act: string): void {
  if (queues === undefined) return;
  throw new ErrandError(
    "FORBIDDEN",
    `Cannot ${act}: this token is limited to queues, and this is about all of them`,
  );
}
