/**
 * Which retry, timeout and retention hold for a job: the job's word goes before the task's, the
 * task's before the default.
 *
 * @module
 */
import { DEFAULT_RETRY, retryDelayMs, type RetryPolicy } from "./backoff.ts";
import type { JobError } from "./job.ts";
import type { Outcome } from "./outcome.ts";
import type { Policy, Task } from "./task.ts";

/** An attempt may take an hour, so that a handler which never settles does not hold its slot. */
export const DEFAULT_TIMEOUT_MS = 3_600_000;
/** An ended job stays for a week. */
export const DEFAULT_RETENTION_MS: number = 7 * 86_400_000;

/** Everything decided. */
export interface EffectivePolicy {
  readonly retry: RetryPolicy & { readonly maxAttempts: number };
  readonly timeoutMs: number;
  readonly retentionMs: number | null;
}

/** Lays the job's policy over its task's and over the default. */
export function effectivePolicy(
  task: Task | undefined,
  job: Policy,
  defaultRetentionMs: number | null,
): EffectivePolicy {
  const own = task?.policy ?? {};
  const retry = own.retry === undefined && job.retry === undefined
    ? DEFAULT_RETRY
    : layered(own.retry ?? {}, job.retry ?? {});
  return {
    retry,
    timeoutMs: job.timeoutMs ?? own.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    retentionMs: firstSaid(job.retentionMs, own.retentionMs, defaultRetentionMs),
  };
}

/** What the row says about attempts is what rescue goes by, and so does everything else. */
export function withMaxAttempts(
  policy: EffectivePolicy,
  { maxAttempts }: { readonly maxAttempts: number | null },
): EffectivePolicy {
  if (maxAttempts === null || maxAttempts === policy.retry.maxAttempts) return policy;
  return { ...policy, retry: { ...policy.retry, maxAttempts } };
}

/** What comes of an attempt that has failed with `error`: another one, unless it was the last. */
export function afterFailure(
  { retry }: EffectivePolicy,
  error: JobError,
  random: () => number,
): Outcome {
  if (error.attempt >= retry.maxAttempts) return { kind: "fail", error };
  return { kind: "retry", error, delayMs: delayAfter(retry, error, random) };
}

/** A delay function of the user's that throws must not keep the job from its retry. */
function delayAfter(retry: RetryPolicy, error: JobError, random: () => number): number {
  try {
    return retryDelayMs(retry, error.attempt, error, random);
  } catch {
    const { delay: _, ...numbers } = retry;
    return retryDelayMs(numbers, error.attempt, error, random);
  }
}

/** A delay that the job states in milliseconds replaces its task's delay function. */
function layered(task: RetryPolicy, job: RetryPolicy): EffectivePolicy["retry"] {
  const { delay, ...numbers } = task;
  const base = delay !== undefined && job.delayMs === undefined ? task : numbers;
  return { maxAttempts: DEFAULT_RETRY.maxAttempts, ...base, ...job };
}

/** `null` is a word: it says "for ever". */
function firstSaid(
  job: number | null | undefined,
  task: number | null | undefined,
  otherwise: number | null,
): number | null {
  if (job !== undefined) return job;
  return task !== undefined ? task : otherwise;
}
