/**
 * The part of the seam that is about schedules.
 *
 * @module
 */
import type { Job } from "./job.ts";
import type { ScheduleRecord } from "./schedule.ts";

/** A schedule with the instant at which it was read, by the database's clock. */
export interface ScheduleLook {
  readonly record?: ScheduleRecord;
  readonly nowMs: number;
}

/** Which schedules a pass is able to move. */
export interface DueRequest {
  /** Schedules at most. */
  readonly limit: number;
  /** The names of the functions that are known here. */
  readonly functions: readonly string[];
  /** Names of schedules to be left alone. */
  readonly except: readonly string[];
}

/** Schedules that are due, earliest first. */
export interface DueSchedules {
  readonly due: readonly ScheduleRecord[];
  readonly nowMs: number;
  /** Milliseconds until the next of the others is due. */
  readonly nextDueMs?: number;
}

/** From one occurrence of a schedule to another. */
export interface ScheduleMove {
  readonly name: string;
  /** The stamp of the schedule as it was read: if it has another by now, nothing happens. */
  readonly stamp: string;
  /** Where it moves to; `null` ends the series. */
  readonly nextRunMs: number | null;
  /** What is enqueued with the move. */
  readonly occurrences: readonly { readonly id: string; readonly atMs: number }[];
}

/** Schedules in a store. Every call may be repeated without a second effect. */
export interface ScheduleBroker {
  /** The schedule of this name, and the database's now. */
  look(name: string): Promise<ScheduleLook>;
  /** Schedules by name, those after `after`. */
  list(after: string, limit: number): Promise<readonly ScheduleRecord[]>;
  /**
   * Writes `record` where the stored one has the stamp `was`, or where there is none and `was` is
   * `null`; whether it is there now.
   */
  put(record: ScheduleRecord, was: string | null): Promise<boolean>;
  /** Removes a schedule; answers it as it was. */
  remove(name: string): Promise<ScheduleRecord | undefined>;
  /** What is due. */
  due(request: DueRequest): Promise<DueSchedules>;
  /** Moves schedules and enqueues their occurrences, in one transaction; answers the new jobs. */
  move(moves: readonly ScheduleMove[], stamp: string): Promise<readonly Job[]>;
  /** Enqueues a job of the schedule for now, beside its series. */
  run(name: string, id: string): Promise<Job | undefined>;
}
