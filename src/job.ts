/**
 * What a job is, as its users see it.
 *
 * @module
 */
import type { Instant } from "./duration.ts";

/** Waiting for its time, waiting for a worker, held by a worker, or ended in one of three ways. */
export type JobState =
  | "scheduled"
  | "available"
  | "running"
  | "completed"
  | "failed"
  | "cancelled";

/** Every state, in the order of a job's life. */
export const JOB_STATES: readonly JobState[] = [
  "scheduled",
  "available",
  "running",
  "completed",
  "failed",
  "cancelled",
];

/** Whether a job in `state` has ended: it is history, and no worker will take it. */
export function isEnded(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/**
 * Why an attempt failed: its handler threw (`HANDLER`), it took too long (`TIMEOUT`), its worker
 * vanished (`LEASE_EXPIRED`), the worker knows no such task (`NO_HANDLER`), the stored payload no
 * longer fits the task's schema (`INVALID_INPUT`), it cannot be decrypted (`LOCKED`), or the thread
 * of its own that it ran in ended (`CRASHED`).
 */
export type JobErrorCode =
  | "HANDLER"
  | "TIMEOUT"
  | "LEASE_EXPIRED"
  | "NO_HANDLER"
  | "INVALID_INPUT"
  | "LOCKED"
  | "CRASHED";

/** How one attempt failed. */
export interface JobError {
  /** The kind of failure. */
  readonly code: JobErrorCode;
  /** The thrown error's name, such as `TypeError`. */
  readonly name: string;
  /** Its message, cut at 2,000 characters. */
  readonly message: string;
  /** Its stack, cut at 4,000 characters. */
  readonly stack?: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Why something encrypted cannot be read: there is no key of that id (`NO_KEY`), another key has
 * that id (`WRONG_KEY`), or it is not what was encrypted for this job and field (`CHANGED`).
 */
export interface Lock {
  /** The reason, for programs. */
  readonly code: "NO_KEY" | "WRONG_KEY" | "CHANGED";
  /** The reason, for people. */
  readonly message: string;
}

/** A job as it stands in the database. */
export interface Job<Payload = unknown, Result = unknown> {
  /** UUIDv7: ids sort by the time of enqueueing. */
  readonly id: string;
  /** The name of the task that runs it. */
  readonly task: string;
  /** Where it waits. */
  readonly queue: string;
  /** Where it is in its life. */
  readonly state: JobState;
  /** Higher runs earlier within a queue. */
  readonly priority: number;
  /** What was enqueued, before the schema's transformations, with the handler's updates. */
  readonly payload: Payload;
  /** What the handler returned, as JSON gives it back, once completed. */
  readonly result?: Result;
  /** Why the last failed attempt failed. */
  readonly error?: JobError;
  /** The last 10 failed attempts, oldest first. */
  readonly errors: readonly JobError[];
  /** Why some of it cannot be decrypted here: what is locked is then left out. */
  readonly locked?: Lock;
  /** Attempts begun; a snoozed or released one does not count. */
  readonly attempt: number;
  /** Attempts that it may have in all, where job or task said so. */
  readonly maxAttempts?: number;
  /** When it is, or was, due. */
  readonly runAt: Date;
  /** When it was enqueued, by the database's clock. */
  readonly createdAt: Date;
  /** When its last attempt began. */
  readonly startedAt?: Date;
  /** When it ended. */
  readonly endedAt?: Date;
  /** What the handler last reported. */
  readonly progress?: unknown;
  /** Data about the job that its handler does not need: a trace id, a tenant. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The job that this one belongs to. */
  readonly parentId?: string;
  /** Which occurrence of which schedule it is. */
  readonly schedule?: Occurrence;
}

/** One occurrence of a schedule. */
export interface Occurrence {
  /** The schedule's name. */
  readonly name: string;
  /** When the occurrence was due by its schedule, whenever the job ran. */
  readonly at: Date;
}

/** A job as `enqueue` answers it. */
export interface EnqueuedJob<Payload = unknown, Result = unknown> extends Job<Payload, Result> {
  /** Whether it was added, or is one like it that was there already. */
  readonly enqueued: "inserted" | "duplicate";
}

/** A value that a job's meta or payload is searched for. */
export type FieldValue = string | number | boolean | null;

/** Which jobs are meant. Conditions are joined by "and". */
export interface JobFilter {
  /** Only jobs in this state, or in one of these. */
  readonly state?: JobState | readonly JobState[];
  /** Only jobs of this queue. */
  readonly queue?: string;
  /** Only jobs of this task. */
  readonly task?: string;
  /** Only jobs that belong to this job. */
  readonly parentId?: string;
  /** Only jobs that the worker with this id holds now: they are in state running. */
  readonly worker?: string;
  /** Only jobs enqueued at this instant or later, by the database's clock. */
  readonly createdAfter?: Instant;
  /** Only jobs enqueued before this instant. */
  readonly createdBefore?: Instant;
  /** Only jobs whose `meta` has these values. */
  readonly meta?: Readonly<Record<string, FieldValue>>;
  /**
   * Only jobs whose payload has these values in fields that their task declares by `index`:
   * `{ "customer.id": 42 }`. `null` also stands for a field that is missing.
   */
  readonly where?: Readonly<Record<string, FieldValue>>;
}

/** Which jobs to list, in which order, and which part of them. */
export interface ListOptions extends JobFilter {
  /** How many at most: 1 to 1,000. @default 50 */
  readonly limit?: number;
  /** Where to go on: the `cursor` of the page before. */
  readonly cursor?: string;
  /** By time of enqueueing. @default "newest" */
  readonly order?: "newest" | "oldest";
}

/** One page of jobs. */
export interface JobPage {
  /** The jobs, in the order asked for. */
  readonly jobs: readonly Job[];
  /** Pass it to get the next page; absent on the last one. */
  readonly cursor?: string;
}

/** How many jobs are in each state. */
export type StateCounts = Readonly<Record<JobState, number>>;

/** Whether `counts` hold a job that has not ended. */
export function isLive(counts: StateCounts): boolean {
  return counts.scheduled + counts.available + counts.running > 0;
}

/** How many jobs of a queue are in each state. */
export interface QueueStats extends StateCounts {
  /** Whether it is paused. */
  readonly paused: boolean;
  /** How many of its jobs may run at once over all workers, where that is limited. */
  readonly limit?: number;
  /** When its next scheduled job is due. */
  readonly nextRunAt?: Date;
  /** Since when the available job that has waited longest has been due. */
  readonly availableSince?: Date;
}

/** How many jobs there are, in all and by queue. */
export interface Stats extends StateCounts {
  /** The same for each queue that holds a job, is paused or limited. */
  readonly queues: Readonly<Record<string, QueueStats>>;
  /** When the next scheduled job is due. */
  readonly nextRunAt?: Date;
}

/** One line that a handler logged. */
export interface LogLine {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** The attempt that wrote it. */
  readonly attempt: number;
  /** The text. */
  readonly message: string;
}
