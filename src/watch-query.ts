/**
 * Which changes to tell, checked.
 *
 * @module
 */
import { CHANGE_EVENTS, type ChangeEvent, type WatchFilter, type WatchOptions } from "./change.ts";
import { invalid, show } from "./errors.ts";
import type { ChangeQuery } from "./feed-broker.ts";
import { checkId } from "./job-checks.ts";
import { jobQuery } from "./job-query.ts";
import type { Tasks } from "./tasks.ts";

const KEYS: readonly string[] = [
  "ids",
  "state",
  "event",
  "queue",
  "task",
  "parentId",
] satisfies (keyof WatchFilter)[];

const IDS_MAX = 1_000;

/** A cursor: which feed, and how far into it. */
const CURSOR = /^[0-9a-f-]{36}-\d{1,15}$/;

/** The query of `filter`. Throws `INVALID_INPUT` for what cannot be asked. */
export function watchQuery(filter: WatchFilter, tasks: Tasks): ChangeQuery {
  if (typeof filter !== "object" || filter === null) {
    throw invalid(`Cannot watch jobs by ${show(filter)}: a filter is an object`);
  }
  const unknown = Object.keys(filter).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw invalid(
      `Cannot watch jobs by ${show(unknown)}: a filter for watching has only ${KEYS.join(", ")}`,
    );
  }
  const { ids, event, ...others } = filter;
  const { states, ...rest } = jobQuery(others, tasks, "watch");
  return {
    ...rest,
    ...(filter.state !== undefined && { states }),
    ...(ids !== undefined && { ids: checkIds(ids) }),
    ...(event !== undefined && { events: checkEvents(event) }),
  };
}

/** The cursor to go on after, if one was given. Throws `INVALID_INPUT`. */
export function checkCursor({ cursor }: WatchOptions): string | undefined {
  if (cursor === undefined || (typeof cursor === "string" && CURSOR.test(cursor))) return cursor;
  throw invalid(`Cannot watch jobs from cursor ${show(cursor)}: it is none that a change has told`);
}

function checkIds(ids: readonly string[]): readonly string[] {
  if (!Array.isArray(ids) || ids.length > IDS_MAX) {
    throw invalid(`Cannot watch jobs by ids ${show(ids)}: it is a list of at most ${IDS_MAX}`);
  }
  return ids.map((id) => checkId("watch", id));
}

function checkEvents(event: ChangeEvent | readonly ChangeEvent[]): readonly ChangeEvent[] {
  const events = typeof event === "string" ? [event] : [...event];
  const bad = events.find((one) => !CHANGE_EVENTS.includes(one));
  if (bad === undefined) return events;
  throw invalid(
    `Cannot watch jobs by event ${show(bad)}: events are ${CHANGE_EVENTS.join(", ")}`,
  );
}
