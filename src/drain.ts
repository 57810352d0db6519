/**
 * Bounded work for places where no process stays alive: what a drain may do and what it has done.
 *
 * @module
 */
import { type Duration, durationMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { isLive, type Stats } from "./job.ts";
import type { Outcome } from "./outcome.ts";

/** When a drain ends, beside "when there is nothing to do". */
export interface DrainOptions {
  /** It returns after so long at the latest: what runs then is given back. @default none */
  readonly deadline?: Duration;
  /** It begins no more than so many attempts. @default no limit */
  readonly maxJobs?: number;
  /** It ends when this aborts: what runs then is given back. */
  readonly signal?: AbortSignal;
  /**
   * Whether it goes on until its queues hold no live job at all, waiting for those that are due
   * later and those that run elsewhere. @default false
   */
  readonly scheduled?: boolean;
}

/** The bounds of a drain, checked; without one, it is `Infinity`. */
export function drainLimits({ deadline, maxJobs = Infinity }: DrainOptions): {
  readonly deadlineMs: number;
  readonly maxJobs: number;
} {
  if (maxJobs !== Infinity && !(Number.isInteger(maxJobs) && maxJobs > 0)) {
    throw invalid(`Cannot use ${show(maxJobs)} as maxJobs: it is a whole number from 1`);
  }
  const deadlineMs = deadline === undefined ? Infinity : durationMs(deadline, "deadline");
  return { deadlineMs, maxJobs };
}

/** Why a drain ended. */
export type DrainEnd = "empty" | "deadline" | "max-jobs" | "aborted";

/** What came of the attempts of a worker. */
export interface AttemptCounts {
  /** Results stored. */
  completed: number;
  /** Jobs whose last attempt failed. */
  failed: number;
  /** Failed attempts that are followed by another. */
  retried: number;
  /** Jobs put off by their handlers. */
  snoozed: number;
  /** Jobs given back unfinished. */
  released: number;
  /** Outcomes that came too late. */
  lost: number;
}

/** What a drain did, what remains, and when to come back. */
export interface DrainSummary extends Readonly<AttemptCounts> {
  /** Why it ended. */
  readonly ended: DrainEnd;
  /** Live jobs in the worker's queues, now. */
  readonly remaining: {
    readonly available: number;
    readonly scheduled: number;
    readonly running: number;
  };
  /** When there is something to do: now, or when the next scheduled job or schedule is due. */
  readonly nextAt?: Date;
}

/** What a run came to; one that found another one under way has done nothing. */
export type RunSummary =
  | { readonly ran: false }
  | (DrainSummary & {
    readonly ran: true;
    /**
     * Milliseconds until there is something to do: 0 when work remains that is due. Absent when
     * nothing is known to come.
     */
    readonly comeBackMs?: number;
    /** Whether it sent the nudge, so that the rest is done without waiting for the next trigger. */
    readonly nudged: boolean;
  });

/** Nothing yet. */
export function noCounts(): AttemptCounts {
  return { completed: 0, failed: 0, retried: 0, snoozed: 0, released: 0, lost: 0 };
}

const COUNTS = Object.keys(noCounts()) as (keyof AttemptCounts)[];

const COUNTED: Readonly<Record<Outcome["kind"], keyof AttemptCounts>> = {
  complete: "completed",
  fail: "failed",
  retry: "retried",
  snooze: "snoozed",
  release: "released",
};

/** Which count an outcome belongs to. */
export function countOf(outcome: Outcome): keyof AttemptCounts {
  return COUNTED[outcome.kind];
}

/** The summary of a drain of `queues`. */
export function summary(
  counts: AttemptCounts,
  ended: DrainEnd,
  queues: readonly string[],
  stats: Stats,
  { now, nextOccurrence }: { readonly now: Date; readonly nextOccurrence: Date | undefined },
): DrainSummary {
  const own = queues.map((queue) => stats.queues[queue]).filter((of) => of !== undefined);
  const claimable = own.some((of) => of.available > 0 && !of.paused);
  const sum = (state: "available" | "scheduled" | "running"): number =>
    own.reduce((total, of) => total + of[state], 0);
  const remaining = {
    available: sum("available"),
    scheduled: sum("scheduled"),
    running: sum("running"),
  };
  const dueMs = own.flatMap((of) => of.paused ? [] : of.nextRunAt?.getTime() ?? []);
  const nextJob = dueMs.length > 0 ? new Date(Math.min(...dueMs)) : undefined;
  const nextAt = claimable ? now : earlier(nextJob, nextOccurrence);
  return { ...counts, ended, remaining, ...(nextAt !== undefined && { nextAt }) };
}

/** How many attempts have ended. */
export function attempts(counts: AttemptCounts): number {
  return COUNTS.reduce((sum, count) => sum + counts[count], 0);
}

/** The summary of two drains, one after the other. */
export function joined(first: DrainSummary, second: DrainSummary): DrainSummary {
  const counts = noCounts();
  for (const count of COUNTS) counts[count] = first[count] + second[count];
  return { ...second, ...counts };
}

function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** Whether one of the queues that are not paused has a job that has not ended. */
export function isAlive({ queues }: Stats, names: readonly string[]): boolean {
  return names.map((name) => queues[name])
    .some((of) => of !== undefined && !of.paused && isLive(of));
}
