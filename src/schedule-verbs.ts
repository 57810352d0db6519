/**
 * Making, changing and removing schedules: in the words of `Schedules`.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import { ErrandError, show } from "./errors.ts";
import type { Events } from "./events.ts";
import { checkNewId, newId } from "./id.ts";
import type { Job } from "./job.ts";
import type { Prepared } from "./new-job.ts";
import { checkedPage, type PageOptions } from "./page.ts";
import { cronReady, type NextRuns } from "./recurrence.ts";
import {
  type Schedule,
  type SchedulePage,
  type ScheduleRecord,
  type ScheduleTerms,
  toSchedule,
} from "./schedule.ts";
import type { Found, ScheduleOptions } from "./schedule-options.ts";
import { idTaken } from "./taken.ts";
import { checkName, type EnqueueOptions, type Task } from "./task.ts";
import type { VerbBroker } from "./verb-broker.ts";
import type { Wake } from "./wake.ts";

/** What schedules are made with. */
export interface SchedulesHost {
  readonly broker: Broker;
  readonly events: Events;
  readonly wake: Wake;
  readonly nextRuns: NextRuns;
}

/** What the job of a schedule that is run by hand has of its own. */
export interface RunNowOptions {
  /** A UUIDv7 of your own for it: asked for again, it adds nothing. */
  readonly id?: string;
}

/** Checks what a job would be made from. */
export type PrepareJob = (
  entry: EnqueueOptions & { readonly task: Task | string; readonly payload?: unknown },
) => Prepared | Promise<Prepared>;

/** How often a change is tried again that another one has come before. */
const TRIES = 20;

/** The verbs of schedules. */
export class ScheduleVerbs {
  readonly #host: SchedulesHost;
  readonly #prepare: PrepareJob;

  /** Made by an Errand. */
  constructor(host: SchedulesHost, prepare: PrepareJob) {
    this.#host = host;
    this.#prepare = prepare;
  }

  async upsert<In, Parsed, Result>(
    name: string,
    options: ScheduleOptions<In, Parsed, Result>,
  ): Promise<Schedule> {
    checkScheduleName(name);
    const { verbs } = this.#host.broker;
    if (verbs !== undefined) return await this.#upsertWhole(verbs, name, options);
    if (options?.cron !== undefined) await cronReady();
    const { checkedPlan, upserted } = await import("./schedule-options.ts");
    const plan = checkedPlan(name, options as ScheduleOptions, this.#host.nextRuns);
    const terms = await this.#terms(options as ScheduleOptions);
    return await this.#change("upsert", name, (found) => upserted(name, plan, terms, found));
  }

  async #upsertWhole(verbs: VerbBroker, name: string, options: ScheduleOptions): Promise<Schedule> {
    const schedule = await verbs.upsertSchedule(name, options, await this.#terms(options));
    this.#host.wake.nudge();
    return schedule;
  }

  async get(name: string): Promise<Schedule | undefined> {
    const { record } = await this.#host.broker.schedules.look(checkScheduleName(name));
    return record && toSchedule(record);
  }

  async list(options: PageOptions): Promise<SchedulePage> {
    const { limit, cursor } = checkedPage(options);
    const records = await this.#host.broker.schedules.list(cursor, limit + 1);
    const schedules = records.slice(0, limit).map(toSchedule);
    if (records.length <= limit) return { schedules };
    return { schedules, cursor: schedules[limit - 1]!.name };
  }

  async pause(name: string): Promise<Schedule> {
    const { verbs } = this.#host.broker;
    if (verbs !== undefined) return await verbs.pauseSchedule(checkScheduleName(name));
    return await this.#change("pause", name, ({ record, nowMs }) => {
      if (record === undefined) throw notFound("pause", name);
      if (record.paused) return undefined;
      return { ...record, paused: true, nextRunMs: null, updatedMs: nowMs };
    });
  }

  async resume(name: string): Promise<Schedule> {
    const { verbs } = this.#host.broker;
    if (verbs !== undefined) return await verbs.resumeSchedule(checkScheduleName(name));
    const { resumed } = await import("./schedule-options.ts");
    return await this.#change("resume", name, (found) => {
      if (found.record === undefined) throw notFound("resume", name);
      return found.record.paused ? resumed(found.record, found) : undefined;
    });
  }

  async remove(name: string): Promise<Schedule> {
    const record = await this.#host.broker.schedules.remove(checkScheduleName(name));
    if (record === undefined) throw notFound("remove", name);
    return toSchedule(record);
  }

  async runNow(name: string, { id = newId() }: RunNowOptions): Promise<Job> {
    const { broker, events, wake } = this.#host;
    checkNewId(id, `the id of a job of schedule ${show(name)}`);
    const job = await broker.schedules.run(checkScheduleName(name), id);
    if (job === undefined) throw notFound("run", name);
    if (job.schedule?.name !== name) throw idTaken(id);
    events.emit("enqueued", { job });
    wake.signal("work");
    return job;
  }

  async #terms(options: ScheduleOptions): Promise<ScheduleTerms> {
    const { task, payload, queue, priority, meta, retry, timeout, retention } = options;
    const { terms, payload: stored } = await this.#prepare({
      task,
      payload,
      ...(queue !== undefined && { queue }),
      ...(priority !== undefined && { priority }),
      ...(meta !== undefined && { meta }),
      ...(retry !== undefined && { retry }),
      ...(timeout !== undefined && { timeout }),
      ...(retention !== undefined && { retention }),
    });
    return {
      task: terms.task,
      queue: terms.queue,
      priority: terms.priority,
      maxAttempts: terms.maxAttempts,
      payload: stored,
      options: terms.options,
      meta: terms.meta,
    };
  }

  async #change(
    act: string,
    name: string,
    decide: (found: Found) => Omit<ScheduleRecord, "stamp"> | undefined,
  ): Promise<Schedule> {
    const { broker, nextRuns, wake } = this.#host;
    checkScheduleName(name);
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await broker.schedules.look(name);
      if (found.record !== undefined && "cron" in found.record.rule) await cronReady();
      const decided = decide({ ...found, functions: nextRuns });
      if (decided === undefined) return toSchedule(found.record!);
      const record = { ...decided, stamp: newId() };
      if (!(await broker.schedules.put(record, found.record?.stamp ?? null))) continue;
      wake.nudge();
      return toSchedule(record);
    }
    throw new ErrandError(
      "DATABASE_BUSY",
      `Cannot ${act} schedule ${show(name)}: others changed it ${TRIES} times meanwhile`,
    );
  }
}

function checkScheduleName(name: string): string {
  return checkName(name, "the name of a schedule");
}

function notFound(act: string, name: string): ErrandError {
  return new ErrandError("NOT_FOUND", `Cannot ${act} schedule ${show(name)}: there is none`);
}
