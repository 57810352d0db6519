/**
 * The one error class of the library and its codes.
 *
 * @module
 */

/**
 * What went wrong, as a stable name. Codes are public API: they never change their meaning.
 *
 * - `INVALID_INPUT` the call's arguments cannot be used; `issues` says where
 * - `UNAUTHORIZED`, `FORBIDDEN` the database or server refuses the credentials, or what they may do
 * - `NOT_FOUND` no such job
 * - `CONFLICT` the job's state forbids it
 * - `LEASE_LOST` the job is no longer held by the lease that the outcome names
 * - `PAYLOAD_TOO_LARGE` payload or result is over the limit
 * - `RATE_LIMITED` the server asks for fewer calls
 * - `DATABASE_BUSY` other writers kept the lock until the retries were spent: nothing was written
 * - `DATABASE_UNAVAILABLE` the database cannot be opened, read or written
 * - `SCHEMA_TOO_NEW` a newer version of the library has migrated this database
 */
export type ErrorCode =
  | "INVALID_INPUT"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "CONFLICT"
  | "LEASE_LOST"
  | "PAYLOAD_TOO_LARGE"
  | "RATE_LIMITED"
  | "DATABASE_BUSY"
  | "DATABASE_UNAVAILABLE"
  | "SCHEMA_TOO_NEW";

/** One thing wrong with an input: what, and where in it. */
export interface Issue {
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** Keys and indexes from the root of the value to the place; empty for the root. */
  readonly path: readonly (string | number)[];
}

/** What an {@linkcode ErrandError} may carry beside its message. */
export interface ErrandErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** For `INVALID_INPUT`: each thing that is wrong. */
  readonly issues?: readonly Issue[];
}

/** Every error that the library throws. Messages read "Cannot <act> <thing>: <fact>". */
export class ErrandError extends Error {
  /** Always `"ErrandError"`. */
  override readonly name = "ErrandError";
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** For `INVALID_INPUT`: each thing that is wrong, with its path. */
  readonly issues: readonly Issue[];

  /** Makes an error of `code` with a message for people. */
  constructor(code: ErrorCode, message: string, options: ErrandErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.issues = options.issues ?? [];
  }
}

/** Codes of calls whose arguments are to blame: nothing was written. */
const REFUSALS: readonly string[] = [
  "INVALID_INPUT",
  "FORBIDDEN",
  "CONFLICT",
  "PAYLOAD_TOO_LARGE",
] satisfies ErrorCode[];

/** Whether a call was refused for what it asked for. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ErrandError && REFUSALS.includes(error.code);
}

/** Whether it says that whoever asks may not do that: asking again is of no use. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ErrandError && /^(UNAUTHORIZED|FORBIDDEN)$/.test(error.code);
}

/** The error for an argument that cannot be used. */
export function invalid(message: string, issues: readonly Issue[] = []): ErrandError {
  return new ErrandError("INVALID_INPUT", message, { issues });
}

/** A short text of any value, for a message. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (typeof value === "number" || typeof value === "symbol") return String(value);
  if (value instanceof Date) return `Date ${value.getTime()}`;
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  } catch {
    return Object.prototype.toString.call(value); // a cycle, or a toJSON that throws
  }
}
