/**
 * How long a job waits before its next attempt.
 *
 * @module
 */
import { type Duration, durationMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { checkMembers } from "./members.ts";
import type { JobError } from "./job.ts";

/** How the delay grows with the number of failed attempts. */
export type Backoff = "none" | "linear" | "exponential";

/** A delay of one's own: from the number of the failed attempt (1, 2, …) and its error. */
export type DelayFunction = (attempt: number, error: JobError) => Duration;

/** When and how often a failed job is tried again. */
export interface RetryOptions {
  /** Attempts in all, the first one included: 1 to 1,000. @default 5 */
  readonly maxAttempts?: number;
  /** Wait before the first retry, or a function that decides each wait. @default "1s" */
  readonly delay?: Duration | DelayFunction;
  /** Growth: none d, d, d · linear d, 2d, 3d · exponential d, 2d, 4d. @default "exponential" */
  readonly backoff?: Backoff;
  /** No wait is longer than this (before jitter). @default "1h" */
  readonly maxDelay?: Duration;
  /** Up to this fraction of the wait is added by chance: 0 to 1. @default 0.1 */
  readonly jitter?: number;
}

/** {@linkcode RetryOptions}, checked, in milliseconds, and without what was not said. */
export interface RetryPolicy {
  /** Attempts in all. */
  readonly maxAttempts?: number;
  /** Wait before the first retry. */
  readonly delayMs?: number;
  /** Decides each wait. */
  readonly delay?: DelayFunction;
  /** Growth of the wait. */
  readonly backoff?: Backoff;
  /** The longest wait. */
  readonly maxDelayMs?: number;
  /** The fraction added by chance. */
  readonly jitter?: number;
}

/** What holds where neither job nor task says anything. */
export const DEFAULT_RETRY: Required<Omit<RetryPolicy, "delay">> = {
  maxAttempts: 5,
  delayMs: 1_000,
  backoff: "exponential",
  maxDelayMs: 3_600_000,
  jitter: 0.1,
};

/** The most attempts that a job may have. */
const MAX_ATTEMPTS = 1_000;

const RETRY: readonly string[] = Object.keys(
  { maxAttempts: 1, delay: 1, backoff: 1, maxDelay: 1, jitter: 1 } satisfies Record<
    keyof RetryOptions,
    1
  >,
);

/** Checks `options`; what is left out stays out, so that policies can be laid over each other. */
export function retryPolicy(options: RetryOptions, what: string): RetryPolicy {
  checkMembers(options, RETRY, what);
  const { maxAttempts, delay, backoff, maxDelay, jitter } = options;
  if (
    maxAttempts !== undefined &&
    !(Number.isInteger(maxAttempts) && maxAttempts >= 1 && maxAttempts <= MAX_ATTEMPTS)
  ) {
    throw invalid(
      `Cannot use ${show(maxAttempts)} as ${what}.maxAttempts: ` +
        `it counts all attempts, a whole number from 1 to ${MAX_ATTEMPTS}`,
    );
  }
  if (backoff !== undefined && !["none", "linear", "exponential"].includes(backoff)) {
    throw invalid(
      `Cannot use ${show(backoff)} as ${what}.backoff: it is "none", "linear" or "exponential"`,
    );
  }
  if (jitter !== undefined && !(jitter >= 0 && jitter <= 1)) {
    throw invalid(`Cannot use ${show(jitter)} as ${what}.jitter: it is a fraction from 0 to 1`);
  }
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(typeof delay === "function" && { delay }),
    ...(delay !== undefined && typeof delay !== "function" &&
      { delayMs: durationMs(delay, `${what}.delay`) }),
    ...(backoff !== undefined && { backoff }),
    ...(maxDelay !== undefined && { maxDelayMs: durationMs(maxDelay, `${what}.maxDelay`) }),
    ...(jitter !== undefined && { jitter }),
  };
}

/** The wait after failed attempt number `attempt`, in whole milliseconds. */
export function retryDelayMs(
  policy: RetryPolicy,
  attempt: number,
  error: JobError,
  random: () => number,
): number {
  const { backoff, maxDelayMs, jitter } = { ...DEFAULT_RETRY, ...policy };
  const base = policy.delay === undefined
    ? grown(policy.delayMs ?? DEFAULT_RETRY.delayMs, backoff, attempt)
    : durationMs(policy.delay(attempt, error), "the delay that retry.delay returned");
  const capped = Math.min(base, maxDelayMs);
  return Math.round(capped * (1 + jitter * random()));
}

function grown(delayMs: number, backoff: Backoff, attempt: number): number {
  if (backoff === "none") return delayMs;
  return delayMs * (backoff === "linear" ? attempt : 2 ** (attempt - 1));
}
