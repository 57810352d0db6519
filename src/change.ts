/**
 * What watchers of jobs are told.
 *
 * @module
 */
import type { Job, JobFilter, JobState } from "./job.ts";

/**
 * What happened to a job. `due`: its time has come; `started`: a worker took it; `updated`: its
 * payload changed, and maybe its progress; `rescheduled`: it waits for another time; `failed`: an
 * attempt failed; `rescued`: a vanished worker's job was put back; `removed`: it is there no more,
 * also when it has ended with a retention of 0. The others are as in `ErrandEvents`.
 */
export type ChangeEvent =
  | "enqueued"
  | "due"
  | "started"
  | "progress"
  | "updated"
  | "rescheduled"
  | "completed"
  | "failed"
  | "snoozed"
  | "released"
  | "rescued"
  | "cancelled"
  | "retried"
  | "removed";

/** Every event, in the order of a job's life. */
export const CHANGE_EVENTS: readonly ChangeEvent[] = [
  "enqueued",
  "due",
  "started",
  "progress",
  "updated",
  "rescheduled",
  "completed",
  "failed",
  "snoozed",
  "released",
  "rescued",
  "cancelled",
  "retried",
  "removed",
];

/** One change to one job. */
export interface JobChange {
  /** Where a later watch goes on, right after this change. */
  readonly cursor: string;
  /** What happened. */
  readonly event: ChangeEvent;
  /** The job. */
  readonly id: string;
  /** Its task. */
  readonly task: string;
  /** Its queue. */
  readonly queue: string;
  /** The state that it was in after this, or before it was removed. */
  readonly state: JobState;
  /** When, by the database's clock. */
  readonly at: Date;
  /** There with `failed`: whether another attempt follows. */
  readonly willRetry?: boolean;
  /** The job as it stands when the change is read; absent once it was removed. */
  readonly job?: Job;
}

/** Which changes are told. Conditions are joined by "and". */
export interface WatchFilter extends Pick<JobFilter, "queue" | "task" | "parentId"> {
  /** Only these jobs, at most 1,000. */
  readonly ids?: readonly string[];
  /** Only changes that leave a job in this state, or in one of these. */
  readonly state?: JobState | readonly JobState[];
  /** Only this event, or one of these. */
  readonly event?: ChangeEvent | readonly ChangeEvent[];
}

/** How to watch. */
export interface WatchOptions {
  /** Where to go on: the `cursor` of a change, or of an earlier watch. @default from now on */
  readonly cursor?: string;
  /** Ends the watch, without an error, when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * A watch that goes on.
 *
 * @example
 * ```ts
 * import { Errand } from "errand";
 *
 * await using errand = await Errand.open({ url: ":memory:" });
 * const changes = errand.watch({ queue: "images" });
 * await errand.enqueue("resize", {}, { queue: "images" });
 * for await (const { event, id, cursor } of changes) {
 *   console.log(event, id); // enqueued …
 *   console.log(cursor); // errand.watch({ queue: "images" }, { cursor }) goes on after it
 *   break;
 * }
 * ```
 */
export interface Watch extends AsyncIterableIterator<JobChange> {
  /**
   * Where a later watch goes on: after the last change that was told, and after those that the
   * filter passed over since. Absent until the watch has begun.
   */
  readonly cursor: string | undefined;
  /** Resolves once the watch has begun: what is committed from then on is told. */
  readonly begun: Promise<void>;
}
