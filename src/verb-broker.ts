/**
 * The part of the seam that is about verbs which a store may offer whole, so that nothing has to be
 * looked at here before it is decided. What they refuse, they refuse themselves.
 *
 * @module
 */
import type { BulkFilter, BulkOptions, BulkResult } from "./bulk.ts";
import type { EnqueuedJob } from "./job.ts";
import type { Schedule, ScheduleTerms } from "./schedule.ts";
import type { ScheduleOptions } from "./schedule-options.ts";
import type { EnqueueOptions } from "./task.ts";

/** A call for many jobs. */
export interface BulkCall {
  readonly verb: "purge" | "cancel" | "retry" | "remove";
  readonly filter: BulkFilter;
  readonly options: BulkOptions;
  /** When what is retried is due; now unless said. */
  readonly due?: { readonly runAtMs: number | null; readonly delayMs: number };
}

/** Verbs that are one call of the store. */
export interface VerbBroker {
  /** Makes or changes a schedule; `terms` are what its occurrences are made from. */
  upsertSchedule(
    name: string,
    options: ScheduleOptions,
    terms: ScheduleTerms,
  ): Promise<Schedule>;
  pauseSchedule(name: string): Promise<Schedule>;
  resumeSchedule(name: string): Promise<Schedule>;
  /** Changes many jobs, batch by batch. */
  changeMany(call: BulkCall): Promise<BulkResult>;
  /** Removes all jobs of a queue, and its pause. */
  removeQueue(queue: string): Promise<{ readonly count: number }>;
  /** Enqueues a job again as a new one. */
  clone(
    id: string,
    overrides: EnqueueOptions & { readonly id?: string; readonly payload?: unknown },
  ): Promise<EnqueuedJob>;
}
