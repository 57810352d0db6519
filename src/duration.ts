/**
 * Durations and instants as people write them.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";

/** A length of time: milliseconds, or text such as `"250ms"`, `"5s"`, `"10m"`, `"2h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** A point in time: a `Date`, ISO 8601 text with a zone, or milliseconds since the epoch. */
export type Instant = Date | string | number;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/** The longest duration: a hundred years of 365 days. */
export const DURATION_MAX_MS: number = 100 * 365 * 86_400_000;
/** The last instant that is taken: the end of the year 9999. */
const INSTANT_MAX_MS = 253_402_300_799_999;

/** Whole milliseconds of `value`; `what` names it in the error. */
export function durationMs(value: Duration, what: string): number {
  const ms = typeof value === "number" ? value : parsed(value);
  if (!(ms >= 0 && ms <= DURATION_MAX_MS)) {
    throw invalid(
      `Cannot use ${show(value)} as ${what}: a duration is "250ms", "5s", "10m", "2h", "7d" ` +
        `or a number of milliseconds from 0 to 100 years`,
    );
  }
  return Math.round(ms);
}

function parsed(text: string): number {
  const match = DURATION.exec(String(text).trim());
  return match ? Number(match[1]) * UNIT_MS[match[2] as string]! : NaN;
}

/** Milliseconds since the epoch of `value`; `what` names it in the error. */
export function instantMs(value: Instant, what: string): number {
  const ms = value instanceof Date
    ? value.getTime()
    : typeof value === "number"
    ? value
    : ISO_WITH_ZONE.test(String(value))
    ? Date.parse(String(value))
    : NaN;
  if (!(ms >= 0 && ms <= INSTANT_MAX_MS)) {
    throw invalid(
      `Cannot use ${show(value)} as ${what}: an instant is a Date, ISO 8601 text with a zone ` +
        `("2030-01-31T09:00:00Z") or milliseconds since the epoch, from 1970 to 9999`,
    );
  }
  return Math.round(ms);
}
