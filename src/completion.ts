/**
 * What a handler completes its job with, from the call of `complete` to the outcome.
 *
 * @module
 */
import { encode } from "./codec.ts";
import { invalid } from "./errors.ts";
import type { Completed } from "./outcome.ts";
import {
  checkStatements,
  type CompleteOptions,
  type Completion,
  type SqlStatement,
} from "./statement.ts";

/** A call of `complete`: the value that it gave, and what that stands for. */
export interface Completing {
  readonly value: Completion;
  readonly statements: readonly SqlStatement[];
}

/**
 * Checks what `complete` of job `id` was called with.
 *
 * @throws {ErrandError} `INVALID_INPUT`, with the index of a statement that cannot be used.
 */
export function completing(id: string, options: CompleteOptions<unknown>): Completing {
  const { result = null, statements = [] } = options ?? {};
  return {
    value: Object.freeze({ completes: true, result }),
    statements: checkStatements(statements, `complete job ${id}`),
  };
}

/**
 * The outcome of a handler that called `complete` and returned `value`.
 *
 * @throws {ErrandError} `INVALID_INPUT` when it returned something else: what it wrote in vain
 * must not go unseen.
 */
export function completed(
  { value, statements }: Completing,
  returned: unknown,
  limitBytes: number,
): Completed {
  if (returned !== value) {
    throw invalid(
      "Cannot complete the job: its handler called complete and returned something else; " +
        "write: return complete({ … })",
    );
  }
  const result = encode(value.result, { what: "result", limitBytes }).text;
  return { kind: "complete", result, ...(statements.length > 0 && { statements }) };
}
