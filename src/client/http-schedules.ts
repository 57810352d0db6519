/**
 * Schedules, over HTTP.
 *
 * @module
 */
import { systemClock } from "../clock.ts";
import { ErrandError } from "../errors.ts";
import type { Wire } from "../http/wire.ts";
import type { Job } from "../job.ts";
import type { Rule } from "../recurrence.ts";
import type { DueSchedules, ScheduleBroker, ScheduleLook } from "../schedule-broker.ts";
import type { Schedule, SchedulePage, ScheduleRecord } from "../schedule.ts";
import { changedOnce, collected, found } from "./pages.ts";
import { type Requests, segment } from "./requests.ts";
import { toJob, toSchedule } from "./revive.ts";

/** What a server tells of its schedules. It makes and moves them by itself. */
export class HttpSchedules implements ScheduleBroker {
  readonly #requests: Requests;

  /** Asks for nothing yet. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** See {@linkcode ScheduleBroker.look}. */
  async look(name: string): Promise<ScheduleLook> {
    const schedule = await found(this.#requests.send<Wire<Schedule>>(pathOf(name)));
    return { nowMs: systemClock.now(), ...(schedule && { record: toRecord(schedule) }) };
  }

  /** See {@linkcode ScheduleBroker.list}. */
  async list(after: string, limit: number): Promise<readonly ScheduleRecord[]> {
    return await collected(after, limit, async (query) => {
      const page = await this.#requests.send<Wire<SchedulePage>>("/v1/schedules", { query });
      return { items: page.schedules.map(toRecord), cursor: page.cursor };
    });
  }

  /** See {@linkcode ScheduleBroker.remove}. Looks at it before, as nobody can afterwards. */
  async remove(name: string): Promise<ScheduleRecord | undefined> {
    const { record } = await this.look(name);
    if (record === undefined) return undefined;
    const removed = changedOnce<unknown>(
      (repeats) => this.#requests.send(pathOf(name), { method: "DELETE", repeats }),
      () => record,
    );
    return await found(removed) === undefined ? undefined : record;
  }

  /** See {@linkcode ScheduleBroker.run}. */
  async run(name: string, id: string): Promise<Job | undefined> {
    const path = `${pathOf(name)}/run`;
    const job = await found(this.#requests.send<Wire<Job>>(path, { body: { id } }));
    return job && toJob(job);
  }

  /** The server does that, also when a worker asks for upkeep. */
  due(): Promise<DueSchedules> {
    return Promise.resolve({ due: [], nowMs: systemClock.now() });
  }

  /** The server does that. */
  move(): Promise<readonly Job[]> {
    return Promise.resolve([]);
  }

  /** The server does that, by its own verbs. */
  put(): Promise<boolean> {
    throw new ErrandError("CONFLICT", "Cannot write a schedule: the server does that by itself");
  }
}

/** Where a schedule is. */
export function pathOf(name: string): string {
  return `/v1/schedules/${segment(name)}`;
}

/** What of the record is shown; the rest is the server's. */
function toRecord(wire: Wire<Schedule>): ScheduleRecord {
  const schedule = toSchedule(wire);
  const { endAt, nextRunAt, lastRunAt, meta, locked } = schedule;
  return {
    name: schedule.name,
    ...{ task: schedule.task, queue: schedule.queue, priority: schedule.priority },
    ...{ maxAttempts: null, options: null, stamp: "" },
    payload: JSON.stringify(schedule.payload ?? null),
    meta: meta === undefined ? null : JSON.stringify(meta),
    rule: ruleOf(schedule),
    startMs: schedule.startAt.getTime(),
    endMs: endAt?.getTime() ?? null,
    maxRuns: schedule.maxRuns ?? null,
    ...{ catchUp: schedule.catchUp, overlap: schedule.overlap },
    paused: schedule.state === "paused",
    nextRunMs: nextRunAt?.getTime() ?? null,
    lastRunMs: lastRunAt?.getTime() ?? null,
    lastJobId: schedule.lastJobId ?? null,
    runs: schedule.runs,
    createdMs: schedule.createdAt.getTime(),
    updatedMs: schedule.updatedAt.getTime(),
    ...(locked !== undefined && { locked }),
  };
}

function ruleOf({ everyMs, cron, timeZone = "UTC", next = "" }: Schedule): Rule {
  if (everyMs !== undefined) return { everyMs };
  return cron === undefined ? { next } : { cron, timeZone };
}
