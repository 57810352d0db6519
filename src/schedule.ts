/**
 * What a schedule is: to its users, and to the store.
 *
 * @module
 */
import { decode } from "./codec.ts";
import type { Lock } from "./job.ts";
import type { CatchUp, Rule } from "./recurrence.ts";

/** What happens to an occurrence while the job of the one before it has not ended. */
export type Overlap = "allow" | "skip";

/** Whether a series goes on, waits to be resumed, or has had its last occurrence. */
export type ScheduleState = "active" | "paused" | "ended";

/** A schedule as it stands in the database. */
export interface Schedule {
  /** Unique in the database. */
  readonly name: string;
  /** Whether it goes on. */
  readonly state: ScheduleState;
  /** The task that its occurrences run. */
  readonly task: string;
  /** Where they wait. */
  readonly queue: string;
  /** Their priority. */
  readonly priority: number;
  /** Their payload; `undefined` when it is locked. */
  readonly payload: unknown;
  /** Why the payload cannot be read. */
  readonly locked?: Lock;
  /** Data about them. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** Milliseconds from one occurrence to the next, for a schedule by `every`. */
  readonly everyMs?: number;
  /** The cron text, for a schedule by `cron`. */
  readonly cron?: string;
  /** The zone whose clocks the cron text means. */
  readonly timeZone?: string;
  /** The name of the function, for a schedule by `next`. */
  readonly next?: string;
  /** No occurrence is earlier; the grid of `every` begins here. */
  readonly startAt: Date;
  /** No occurrence is later. */
  readonly endAt?: Date;
  /** How many occurrences there are in all; absent for no limit. */
  readonly maxRuns?: number;
  /** What becomes of occurrences that no worker was there for. */
  readonly catchUp: CatchUp;
  /** What happens to an occurrence while the job before it has not ended. */
  readonly overlap: Overlap;
  /** When the next occurrence is due. */
  readonly nextRunAt?: Date;
  /** The time of the last occurrence that was enqueued. */
  readonly lastRunAt?: Date;
  /** Its job. */
  readonly lastJobId?: string;
  /** How many occurrences were enqueued. */
  readonly runs: number;
  /** When it was made. */
  readonly createdAt: Date;
  /** When it was last changed by hand. */
  readonly updatedAt: Date;
}

/** One page of schedules, by name. */
export interface SchedulePage {
  /** The schedules. */
  readonly schedules: readonly Schedule[];
  /** Pass it to get the next page; absent on the last one. */
  readonly cursor?: string;
}

/** What the jobs of a schedule are made from; texts are JSON. */
export interface ScheduleTerms {
  readonly task: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxAttempts: number | null;
  readonly payload: string;
  readonly options: string | null;
  readonly meta: string | null;
}

/** A schedule as it is stored. */
export interface ScheduleRecord extends ScheduleTerms {
  readonly name: string;
  readonly rule: Rule;
  readonly startMs: number;
  readonly endMs: number | null;
  readonly maxRuns: number | null;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  readonly paused: boolean;
  readonly nextRunMs: number | null;
  readonly lastRunMs: number | null;
  readonly lastJobId: string | null;
  readonly runs: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Another one after each change: who changes a schedule names the one that was read. */
  readonly stamp: string;
  /** Why the payload could not be decrypted: then it is still the ciphertext. */
  readonly locked?: Lock;
}

/** The schedule, as its users see it. */
export function toSchedule(record: ScheduleRecord): Schedule {
  const { rule, endMs, maxRuns, nextRunMs, lastRunMs, lastJobId, meta } = record;
  return {
    name: record.name,
    state: record.paused ? "paused" : nextRunMs === null ? "ended" : "active",
    task: record.task,
    queue: record.queue,
    priority: record.priority,
    payload: record.locked === undefined ? decode(record.payload) : undefined,
    ...(record.locked !== undefined && { locked: record.locked }),
    ...(meta !== null && { meta: decode(meta) as Record<string, unknown> }),
    ...rule,
    startAt: new Date(record.startMs),
    ...(endMs !== null && { endAt: new Date(endMs) }),
    ...(maxRuns !== null && { maxRuns }),
    catchUp: record.catchUp,
    overlap: record.overlap,
    ...(nextRunMs !== null && { nextRunAt: new Date(nextRunMs) }),
    ...(lastRunMs !== null && { lastRunAt: new Date(lastRunMs) }),
    ...(lastJobId !== null && { lastJobId }),
    runs: record.runs,
    createdAt: new Date(record.createdMs),
    updatedAt: new Date(record.updatedMs),
  };
}
