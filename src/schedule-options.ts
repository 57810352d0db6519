/**
 * What a schedule is told, checked, and what the stored one becomes by it.
 *
 * @module
 */
import type { EntryPayload } from "./calls.ts";
import { type Duration, durationMs, type Instant, instantMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import {
  type CatchUp,
  checkCron,
  checkTimeZone,
  following,
  type NextRuns,
  type Rule,
} from "./recurrence.ts";
import type { Overlap, ScheduleRecord, ScheduleTerms } from "./schedule.ts";
import type { JobPolicy, Task } from "./task.ts";

/**
 * What a schedule enqueues, and when: a task, or the name of one, with the payload of each
 * occurrence, which the task's schema checks now and before each attempt.
 */
export type ScheduleOptions<In = unknown, Parsed = unknown, Result = unknown> =
  & ScheduleTimes
  & (
    | { readonly task: string; readonly payload?: unknown }
    | { readonly task: Task<In, Parsed, Result> | string } & EntryPayload<In>
  );

/** When a schedule enqueues, by exactly one of `every`, `cron` and `next`, and how its jobs are. */
export interface ScheduleTimes extends JobPolicy {
  /** Occurrences at `startAt`, `startAt + every`, `startAt + 2 · every` … */
  readonly every?: Duration;
  /** Whether `every` may be under a second. @default false */
  readonly allowFast?: boolean;
  /**
   * Occurrences by five fields (minute, hour, day of month, month, day of week), or by six with
   * the second before them.
   */
  readonly cron?: string;
  /** Whose clocks `cron` means: a name of the IANA database. @default "UTC" */
  readonly timeZone?: string;
  /** Occurrences by a function: its name in the `nextRuns` of `Errand.open`. */
  readonly next?: string;
  /** No occurrence is earlier, and the grid of `every` begins here. @default its first upsert */
  readonly startAt?: Instant;
  /** No occurrence is later. @default none */
  readonly endAt?: Instant;
  /** The series ends after so many occurrences; 0 is no limit. @default 0 */
  readonly maxRuns?: number;
  /**
   * Which occurrences are enqueued that no worker was there for: the latest one, all of them, or
   * none, not even one that is noticed more than a minute late. @default "latest"
   */
  readonly catchUp?: CatchUp;
  /**
   * `"skip"` leaves an occurrence out while the job of the one before has not ended; of several
   * that were missed it takes the latest. @default "allow"
   */
  readonly overlap?: Overlap;
  /** Another queue than the task's. */
  readonly queue?: string;
  /** Another priority than the task's. */
  readonly priority?: number;
  /** Data about the jobs that their handler does not need. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** The part of {@linkcode ScheduleOptions} that is about time, checked. */
export interface Plan {
  readonly rule: Rule;
  /** `null`: since the schedule was made. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly maxRuns: number | null;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
}

const EVERY_MIN_MS = 1_000;
const CATCH_UPS: readonly CatchUp[] = ["latest", "all", "none"];
const OVERLAPS: readonly Overlap[] = ["allow", "skip"];

/** Checks when a schedule called `name` is to run. */
export function checkedPlan(name: string, options: ScheduleOptions, functions: NextRuns): Plan {
  const { startAt, endAt, maxRuns = 0, catchUp = "latest", overlap = "allow" } = options;
  const startMs = startAt === undefined ? null : instantMs(startAt, "startAt");
  const endMs = endAt === undefined ? null : instantMs(endAt, "endAt");
  if (startMs !== null && endMs !== null && endMs < startMs) {
    throw invalid(`Cannot schedule ${show(name)}: endAt is before startAt`);
  }
  if (!(Number.isSafeInteger(maxRuns) && maxRuns >= 0)) {
    throw invalid(
      `Cannot use ${show(maxRuns)} as maxRuns: it is a whole number, and 0 is no limit`,
    );
  }
  return {
    rule: checkedRule(name, options, functions),
    startMs,
    endMs,
    maxRuns: maxRuns === 0 ? null : maxRuns,
    catchUp: oneOf(CATCH_UPS, catchUp, "catchUp"),
    overlap: oneOf(OVERLAPS, overlap, "overlap"),
  };
}

function checkedRule(name: string, options: ScheduleOptions, functions: NextRuns): Rule {
  const { every, allowFast = false, cron, timeZone, next } = options;
  const said = Object.entries({ every, cron, next }).filter(([, value]) => value !== undefined);
  if (said.length !== 1) {
    const what = said.length === 0 ? "none" : said.map(([key]) => key).join(" and ");
    throw invalid(
      `Cannot schedule ${show(name)}: pass exactly one of every, cron and next, not ${what}`,
    );
  }
  if (timeZone !== undefined) {
    if (cron === undefined) {
      throw invalid(`Cannot schedule ${show(name)}: timeZone goes with cron only`);
    }
    checkTimeZone(timeZone);
  }
  if (every !== undefined) return { everyMs: checkedEvery(every, allowFast) };
  if (next !== undefined) return { next: checkFunction(next, functions) };
  checkCron(cron!, timeZone ?? "UTC");
  return { cron: cron!, timeZone: timeZone ?? "UTC" };
}

function checkedEvery(every: Duration, allowFast: unknown): number {
  const ms = durationMs(every, "every");
  if (ms >= EVERY_MIN_MS || (allowFast === true && ms > 0)) return ms;
  throw invalid(
    ms === 0
      ? `Cannot use ${show(every)} as every: it is longer than nothing`
      : `Cannot use ${show(every)} as every: under a second it needs allowFast: true`,
  );
}

/** `next`, when a function of that name is known. */
export function checkFunction(next: string, functions: NextRuns): string {
  if (typeof next === "string" && Object.hasOwn(functions, next)) return next;
  const names = Object.keys(functions);
  throw invalid(
    `Cannot use ${show(next)} as next: the nextRuns of this Errand hold ` +
      (names.length === 0 ? "no function" : `only ${names.join(", ")}`),
  );
}

function oneOf<Value extends string>(all: readonly Value[], value: Value, what: string): Value {
  if (all.includes(value)) return value;
  const known = all.map((each) => `"${each}"`).join(", ");
  throw invalid(`Cannot use ${show(value)} as ${what}: it is one of ${known}`);
}

/** What there is now, and when. */
export interface Found {
  readonly record?: ScheduleRecord;
  readonly nowMs: number;
  readonly functions: NextRuns;
}

/** The record that says what `plan` says. The next occurrence stays while no time is changed. */
export function upserted(
  name: string,
  plan: Plan,
  terms: ScheduleTerms,
  { record, nowMs, functions }: Found,
): Omit<ScheduleRecord, "stamp"> {
  const changed = {
    ...{ name, paused: false, nextRunMs: null, lastRunMs: null, lastJobId: null, runs: 0 },
    createdMs: nowMs,
    ...record,
    ...terms,
    ...plan,
    startMs: plan.startMs ?? record?.startMs ?? nowMs,
    updatedMs: nowMs,
  };
  if (changed.paused || (record !== undefined && sameTimes(record, changed))) return changed;
  const begins = "next" in plan.rule && plan.startMs === null ? nowMs + 1 : nowMs;
  return { ...changed, nextRunMs: nextFrom(changed, begins, functions) };
}

/** The record without its pause: what fell into it is not made up. */
export function resumed(
  record: ScheduleRecord,
  { nowMs, functions }: Found,
): Omit<ScheduleRecord, "stamp"> {
  if ("next" in record.rule) checkFunction(record.rule.next, functions);
  const nextRunMs = nextFrom(record, nowMs, functions);
  return { ...record, paused: false, nextRunMs, updatedMs: nowMs };
}

type Times = Pick<ScheduleRecord, "rule" | "startMs" | "endMs" | "maxRuns">;

function sameTimes(a: Times, b: Times): boolean {
  const text = ({ rule, startMs, endMs, maxRuns }: Times): string =>
    JSON.stringify([rule, startMs, endMs, maxRuns]);
  return text(a) === text(b);
}

/** The first occurrence at `fromMs` or later that the series has not had. */
function nextFrom(
  record: Omit<ScheduleRecord, "stamp">,
  fromMs: number,
  functions: NextRuns,
): number | null {
  const { runs, maxRuns, lastRunMs } = record;
  if (maxRuns !== null && runs >= maxRuns) return null;
  return following(record, Math.max(fromMs - 1, lastRunMs ?? 0), functions) ?? null;
}
