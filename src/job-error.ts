/**
 * Whatever a handler threw, as data that can be stored.
 *
 * @module
 */
import { show } from "./errors.ts";
import type { JobError } from "./job.ts";

const NAME_MAX_LENGTH = 200;
const MESSAGE_MAX_LENGTH = 2_000;
const STACK_MAX_LENGTH = 4_000;

/** A bounded record of `thrown`, also when it is no error, or one that fights back. */
export function toJobError(
  thrown: unknown,
  of: Pick<JobError, "code" | "attempt" | "at">,
): JobError {
  try {
    const error = thrown instanceof Error ? thrown : undefined;
    const stack = error?.stack;
    return {
      ...of,
      name: String(error?.name ?? typeof thrown).slice(0, NAME_MAX_LENGTH),
      message: String(error?.message ?? show(thrown)).slice(0, MESSAGE_MAX_LENGTH),
      ...(typeof stack === "string" && { stack: stack.slice(0, STACK_MAX_LENGTH) }),
    };
  } catch {
    return { ...of, name: "unknown", message: "the thrown value cannot be described" };
  }
}
