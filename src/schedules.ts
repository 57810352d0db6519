/**
 * Schedules, by hand: what they do is loaded with the first call of one of them.
 *
 * @module
 */
import type { Job } from "./job.ts";
import { kept } from "./lazy.ts";
import type { PageOptions } from "./page.ts";
import type { Schedule, SchedulePage } from "./schedule.ts";
import type { ScheduleOptions } from "./schedule-options.ts";
import type { PrepareJob, RunNowOptions, SchedulesHost, ScheduleVerbs } from "./schedule-verbs.ts";

/** Makes, changes and removes series of jobs, for all workers of the database. */
export class Schedules {
  readonly #verbs: () => ScheduleVerbs | Promise<ScheduleVerbs>;

  /** Made by an Errand. */
  constructor(host: SchedulesHost, prepare: PrepareJob) {
    this.#verbs = kept(async () =>
      new (await import("./schedule-verbs.ts")).ScheduleVerbs(host, prepare)
    );
  }

  /**
   * Makes the schedule `name`, or changes it into what `options` say. While the rule, `startAt`,
   * `endAt` and `maxRuns` stay the same, so does its next occurrence; without `startAt` the grid
   * stays where it began. Otherwise it goes on with the first occurrence of the new rule from now
   * on. A paused schedule stays paused.
   *
   * @throws {ErrandError} `INVALID_INPUT` for unusable options, a payload that its schema refuses,
   * or an unknown task.
   */
  async upsert<In, Parsed, Result>(
    name: string,
    options: ScheduleOptions<In, Parsed, Result>,
  ): Promise<Schedule> {
    return await (await this.#verbs()).upsert(name, options);
  }

  /** The schedule, if there is one. */
  async get(name: string): Promise<Schedule | undefined> {
    return await (await this.#verbs()).get(name);
  }

  /** Schedules by name, a page at a time. */
  async list(options: PageOptions = {}): Promise<SchedulePage> {
    return await (await this.#verbs()).list(options);
  }

  /** From now on no occurrence is enqueued. @throws {ErrandError} `NOT_FOUND`. */
  async pause(name: string): Promise<Schedule> {
    return await (await this.#verbs()).pause(name);
  }

  /**
   * Ends a pause: the series goes on with its first occurrence from now on.
   *
   * @throws {ErrandError} `NOT_FOUND`; `INVALID_INPUT` when its `next` function is unknown here.
   */
  async resume(name: string): Promise<Schedule> {
    return await (await this.#verbs()).resume(name);
  }

  /**
   * Removes the schedule; resolves with it as it was. Jobs that it has enqueued stay.
   *
   * @throws {ErrandError} `NOT_FOUND`.
   */
  async remove(name: string): Promise<Schedule> {
    return await (await this.#verbs()).remove(name);
  }

  /**
   * Enqueues one job of the schedule now, beside its series: neither its next occurrence nor
   * `maxRuns` nor `overlap` take notice of it. Also while it is paused or has ended.
   *
   * @throws {ErrandError} `NOT_FOUND`.
   */
  async runNow(name: string, options: RunNowOptions = {}): Promise<Job> {
    return await (await this.#verbs()).runNow(name, options);
  }
}
