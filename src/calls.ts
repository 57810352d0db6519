/**
 * What the calls of an Errand take beside a task and a payload.
 *
 * @module
 */
import type { Duration, Instant } from "./duration.ts";
import type { Job } from "./job.ts";
import type { EnqueueOptions, Task } from "./task.ts";

/** One of several jobs to be enqueued together. */
export interface EnqueueEntry extends EnqueueOptions {
  /** The task, or the name of one. */
  readonly task: Task | string;
  /** Its payload. */
  readonly payload?: unknown;
}

/** How long to wait. */
export interface WaitOptions {
  /** After so long the job is returned as it is. @default no limit */
  readonly timeout?: Duration;
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal;
}

/** What waiting for several jobs comes to: for each that was given as a job, one of its types. */
export type Waited<Jobs extends readonly unknown[]> = {
  -readonly [Index in keyof Jobs]: Jobs[Index] extends Job<infer In, infer Result> ? Job<In, Result>
    : Job;
};

/** When a job that is made live again is due. */
export interface RetryJobOptions {
  /** So long from now. */
  readonly delay?: Duration;
  /** At this instant. */
  readonly runAt?: Instant;
}
