/**
 * What a worker and the thread of a handler say to each other. All of it can be cloned.
 *
 * @module
 */
import { ErrandError, type ErrorCode, type Issue } from "../../errors.ts";
import { toJobError } from "../../job-error.ts";
import type { SqlStatement } from "../../statement.ts";
import type { AbortReason, RunningJob } from "../../task.ts";

/** To the thread: run a handler. One at a time. */
export interface RunRequest {
  readonly kind: "run";
  readonly module: string;
  readonly task: string;
  readonly job: RunningJob;
  /** The payload, as JSON makes it. */
  readonly payload: unknown;
  /** The most bytes of JSON of what the handler reports. */
  readonly limitBytes: number;
}

/** To the thread. */
export type ToThread =
  | RunRequest
  | { readonly kind: "abort"; readonly reason: AbortReason; readonly message: string }
  /** The answer to an update. */
  | { readonly kind: "updated"; readonly call: number; readonly error?: SentError };

/** From the thread; all texts are JSON but those of log lines. */
export type FromThread =
  | { readonly kind: "log"; readonly message: string }
  | { readonly kind: "progress"; readonly text: string }
  | {
    readonly kind: "update";
    readonly call: number;
    readonly text: string;
    /** Keys that the patch removes. */
    readonly removed: readonly string[];
  }
  | { readonly kind: "snooze"; readonly delayMs: number }
  | {
    readonly kind: "complete";
    readonly text: string;
    readonly statements: readonly SqlStatement[];
  }
  /** The handler returned a value, or what the last `snooze` or `complete` gave it. */
  | { readonly kind: "returned"; readonly what: "value"; readonly text: string }
  | { readonly kind: "returned"; readonly what: "snoozed" | "completion" }
  | { readonly kind: "threw"; readonly error: SentError };

/** An error on its way to the other side. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: ErrorCode;
  readonly issues?: readonly Issue[];
}

/** A bounded copy of whatever was thrown. */
export function sentError(thrown: unknown): SentError {
  const { name, message, stack } = toJobError(thrown, { code: "HANDLER", attempt: 0, at: 0 });
  const more = errandError(thrown);
  return { name, message, ...(stack !== undefined && { stack }), ...more };
}

/** Also of a proxy that throws when it is asked what it is. */
function errandError(thrown: unknown): Pick<SentError, "code" | "issues"> {
  try {
    return thrown instanceof ErrandError ? { code: thrown.code, issues: thrown.issues } : {};
  } catch {
    return {};
  }
}

/** The error that was sent. */
export function receivedError({ name, message, stack, code, issues }: SentError): Error {
  const error = code === undefined
    ? Object.defineProperty(new Error(message), "name", { value: name, configurable: true })
    : new ErrandError(code, message, { issues: issues ?? [] });
  if (stack === undefined) delete error.stack;
  else error.stack = stack;
  return error;
}
