/**
 * When a series has its occurrences: pure computation, no database.
 *
 * @module
 */
import type { Cron } from "croner";
import { invalid, show } from "./errors.ts";

/** What decides the times of a series. */
export type Rule =
  | { readonly everyMs: number }
  | { readonly cron: string; readonly timeZone: string }
  | { readonly next: string };

/** Answers the occurrence after `previous`, or `undefined` when there is none. */
export type NextRun = (previous: Date) => Date | undefined;

/** Functions by the names under which schedules ask for them. */
export type NextRuns = Readonly<Record<string, NextRun>>;

/** A rule and its bounds, both of them included. */
export interface Timing {
  readonly rule: Rule;
  readonly startMs: number;
  readonly endMs: number | null;
}

/** What becomes of occurrences that no worker was there for. */
export type CatchUp = "latest" | "all" | "none";

/** How a pass goes through the occurrences that are due. */
export interface DueOptions {
  readonly nowMs: number;
  readonly catchUp: CatchUp;
  /** How many occurrences at most, for `"all"`. */
  readonly limit: number;
  readonly functions: NextRuns;
}

/** What a series owes now, and its occurrence after that. */
export interface Due {
  readonly occurrences: readonly number[];
  readonly nextMs: number | undefined;
}

/** For `"none"`: what is noticed later than this was missed. */
const LATE_MS = 60_000;
/** A cron text means whole seconds, and the run before an instant is earlier by one at least. */
const SECOND_MS = 1_000;
/** A pass looks at no more occurrences of one series than this; the next pass goes on. */
const STEPS_MAX = 1_000;

/** The first occurrence later than `afterMs`, if there is one. */
export function following(
  { rule, startMs, endMs }: Timing,
  afterMs: number,
  functions: NextRuns,
): number | undefined {
  const next = "everyMs" in rule
    ? startMs + Math.max(0, Math.floor((afterMs - startMs) / rule.everyMs) + 1) * rule.everyMs
    : "cron" in rule
    ? pattern(rule).nextRun(new Date(Math.max(afterMs, startMs - 1)))?.getTime()
    : asked(rule.next, startMs, afterMs, functions);
  return next === undefined || (endMs !== null && next > endMs) ? undefined : next;
}

/** What of the occurrence at `atMs`, which is due, and of those after it is to be enqueued now. */
export function due(timing: Timing, atMs: number, options: DueOptions): Due {
  const { nowMs, catchUp, limit, functions } = options;
  if (catchUp === "all") return dueAll(timing, atMs, options);
  let latestMs = latest(timing, atMs, nowMs);
  let nextMs = following(timing, latestMs, functions);
  for (let steps = 0; nextMs !== undefined && nextMs <= nowMs; steps++) {
    if (steps === STEPS_MAX) return { occurrences: [], nextMs };
    latestMs = nextMs;
    nextMs = following(timing, latestMs, functions);
  }
  const missed = catchUp === "none" && nowMs - latestMs > LATE_MS;
  return { occurrences: missed ? [] : [latestMs].slice(0, limit), nextMs };
}

function dueAll(timing: Timing, atMs: number, { nowMs, limit, functions }: DueOptions): Due {
  const occurrences = [atMs];
  let nextMs = following(timing, atMs, functions);
  while (nextMs !== undefined && nextMs <= nowMs && occurrences.length < limit) {
    occurrences.push(nextMs);
    nextMs = following(timing, nextMs, functions);
  }
  return { occurrences, nextMs };
}

/** Found without walking to it, except for what only a function knows. */
function latest({ rule, startMs, endMs }: Timing, atMs: number, nowMs: number): number {
  if ("next" in rule) return atMs;
  const untilMs = Math.min(nowMs, endMs ?? nowMs);
  const ms = "everyMs" in rule
    ? startMs + Math.floor((untilMs - startMs) / rule.everyMs) * rule.everyMs
    : pattern(rule).previousRuns(1, new Date(untilMs + SECOND_MS))[0]?.getTime();
  return Math.max(atMs, ms ?? atMs);
}

function asked(
  name: string,
  startMs: number,
  afterMs: number,
  functions: NextRuns,
): number | undefined {
  if (afterMs < startMs) return startMs;
  const next: unknown = functions[name]!(new Date(afterMs));
  if (next === undefined) return undefined;
  if (next instanceof Date && next.getTime() > afterMs) return next.getTime();
  throw invalid(
    `Cannot use ${show(next)} as the occurrence after ${new Date(afterMs).toISOString()}: ` +
      `nextRuns.${name} answers a later Date, or undefined to end the series`,
  );
}

// ─── cron ───

const PATTERNS_MAX = 1_000;
let reader: typeof Cron | undefined;

/** To be awaited before a cron text is met: what reads it is loaded by those who have one. */
export async function cronReady(): Promise<void> {
  reader ??= (await import("croner")).Cron;
}

const patterns = new Map<string, Cron>();

/** Reading a pattern takes longer than asking it. */
function pattern({ cron, timeZone }: { readonly cron: string; readonly timeZone: string }): Cron {
  const key = `${timeZone} ${cron}`;
  let known = patterns.get(key);
  if (known === undefined) {
    if (patterns.size >= PATTERNS_MAX) patterns.clear();
    patterns.set(key, known = read(cron, timeZone));
  }
  return known;
}

/**
 * A list or range of hours counts as fixed times, as in Vixie cron: such a time that a change of
 * clocks leaves out is made up right after it, and one that comes twice is taken once.
 */
function read(cron: string, timezone: string): Cron {
  return new reader!(cron, { mode: "5-or-6-parts", fixedTimeRule: "no-wildcard", timezone });
}

const FIELDS = ["second", "minute", "hour", "day of month", "month", "day of week"];

/** Refuses a cron text that cannot be read, and says which of its fields is wrong. */
export function checkCron(cron: string, timeZone: string): void {
  const because = complaint(cron, timeZone);
  if (because !== undefined) throw invalid(`Cannot use ${show(cron)} as cron: ${because}`);
  if (read(cron, timeZone).nextRun(new Date(0)) === null) {
    throw invalid(`Cannot use ${show(cron)} as cron: such a day never comes`);
  }
}

function complaint(cron: unknown, timeZone: string): string | undefined {
  if (typeof cron !== "string") return "it is a text of five or six fields";
  const fields = cron.trim().split(/\s+/);
  const error = failure(cron, timeZone);
  const name = cron.trim().startsWith("@");
  if (name ? error !== undefined : fields.length < 5 || fields.length > 6) {
    return "it has five fields (minute, hour, day of month, month, day of week), or six with the " +
      "second before them, or is a name such as @daily";
  }
  const names = FIELDS.slice(6 - fields.length);
  const wrong = fields.flatMap((field, at) => {
    const others = fields.map((_, i) => i === at ? field : "*").join(" ");
    const bad = !name && (field.includes("?") || failure(others, timeZone) !== undefined);
    return bad ? [`${names[at]} (${show(field)})`] : [];
  });
  const fact = error?.message.replace(/^CronPattern: /, "") ?? '"?" has no meaning here';
  if (wrong.length > 0) return `its ${wrong.join(" and its ")} cannot be read: ${fact}`;
  return error && fact;
}

function failure(cron: string, timeZone: string): Error | undefined {
  try {
    read(cron, timeZone);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Refuses what is no name of an IANA time zone. */
export function checkTimeZone(timeZone: string): void {
  try {
    if (typeof timeZone === "string" && /^[A-Za-z]/.test(timeZone)) {
      new Intl.DateTimeFormat("en", { timeZone });
      return;
    }
  } catch {
    // the platform knows no such zone: said below
  }
  throw invalid(
    `Cannot use ${show(timeZone)} as timeZone: it is a name of the IANA time zone database, ` +
      `such as "Europe/Berlin"`,
  );
}
