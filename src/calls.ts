/**
 * What the calls of an Errand take beside a task and a payload.
 *
 * @module
 */
import type { Due } from "./broker.ts";
import { type Duration, durationMs, type Instant, instantMs } from "./duration.ts";
import { invalid } from "./errors.ts";
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
