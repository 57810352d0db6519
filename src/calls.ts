/**
 * What the calls of an Errand take beside a task and a payload.
 *
 * @module
 */
import type { Due } from "./job-terms.ts";
import { type Duration, durationMs, type Instant, instantMs } from "./duration.ts";
import { invalid } from "./errors.ts";
import type { Job } from "./job.ts";
import type { EnqueueOptions, Task } from "./task.ts";

/** One of several jobs to be enqueued together: of a task that takes `In`, or of one by name. */
export type EnqueueEntry<In = unknown> =
  & EnqueueOptions
  & (
    | { readonly task: string; readonly payload?: unknown }
    | { readonly task: Task<In> } & EntryPayload<In>
  );

/** Several of them, each with a payload that its task takes. */
export type EnqueueEntries<Ins extends readonly unknown[]> = {
  readonly [Index in keyof Ins]: EnqueueEntry<Ins[Index]>;
};

/** A payload that may be left out where its task takes none. */
export type EntryPayload<In> = undefined extends In ? { readonly payload?: NoInfer<In> }
  : { readonly payload: NoInfer<In> };

/** How long to wait. */
export interface WaitOptions {
  /** After so long the job is returned as it is. @default no limit */
  readonly timeout?: Duration;
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal;
}

/** What a clone has otherwise than its original. */
export interface CloneOverrides extends EnqueueOptions {
  /** A UUIDv7 of your own for it: asked for again, it adds nothing. */
  readonly id?: string;
  /** Another payload; the task's schema checks it. */
  readonly payload?: unknown;
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

/** When what is retried is due; `act` names it in errors. Throws `INVALID_INPUT`. */
export function retryDue({ delay, runAt }: RetryJobOptions, act: string): Due {
  if (delay !== undefined && runAt !== undefined) {
    throw invalid(`Cannot ${act}: delay and runAt exclude each other`);
  }
  return {
    runAtMs: runAt === undefined ? null : instantMs(runAt, "runAt"),
    delayMs: delay === undefined ? 0 : durationMs(delay, "delay"),
  };
}
