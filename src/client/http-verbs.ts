/**
 * The verbs that a server offers whole.
 *
 * @module
 */
import type { BulkResult } from "../bulk.ts";
import type { CloneOverrides } from "../calls.ts";
import type { Wire } from "../http/wire.ts";
import { newId } from "../id.ts";
import type { EnqueuedJob } from "../job.ts";
import type { ScheduleOptions } from "../schedule-options.ts";
import type { Schedule, ScheduleTerms } from "../schedule.ts";
import type { BulkCall, VerbBroker } from "../verb-broker.ts";
import { pathOf } from "./http-schedules.ts";
import { policyBody } from "./new-jobs.ts";
import { ownKey, type Requests, segment } from "./requests.ts";
import { toJob, toSchedule } from "./revive.ts";

/** Each is one request. */
export class HttpVerbs implements VerbBroker {
  readonly #requests: Requests;

  /** Asks for nothing yet. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** See {@linkcode VerbBroker.upsertSchedule}. */
  async upsertSchedule(
    name: string,
    options: ScheduleOptions,
    terms: ScheduleTerms,
  ): Promise<Schedule> {
    const { every, allowFast, cron, timeZone, next } = options;
    const { startAt, endAt, maxRuns, catchUp, overlap, meta } = options;
    const { onLeaseExpired: _, ...policy } = policyBody(terms);
    const { task, queue, priority, payload } = terms;
    const body = JSON.stringify({
      ...{ task, queue, priority, meta, ...policy },
      ...{ every, allowFast, cron, timeZone, next },
      ...{ startAt, endAt, maxRuns, catchUp, overlap },
    });
    return toSchedule(
      await this.#requests.send<Wire<Schedule>>(pathOf(name), {
        method: "PUT",
        body: `${body.slice(0, -1)},"payload":${payload}}`,
      }),
    );
  }

  /** See {@linkcode VerbBroker.pauseSchedule}. */
  async pauseSchedule(name: string): Promise<Schedule> {
    return toSchedule(await this.#requests.send(`${pathOf(name)}/pause`, { method: "POST" }));
  }

  /** See {@linkcode VerbBroker.resumeSchedule}. */
  async resumeSchedule(name: string): Promise<Schedule> {
    return toSchedule(await this.#requests.send(`${pathOf(name)}/resume`, { method: "POST" }));
  }

  /** See {@linkcode VerbBroker.changeMany}. */
  async changeMany({ verb, filter, options, due }: BulkCall): Promise<BulkResult> {
    const body = { filter, ...options, ...(due !== undefined && dueBody(due)) };
    return await this.#requests.send(`/v1/jobs/${verb}`, {
      body,
      ...(!options.dryRun && { headers: ownKey() }),
    });
  }

  /** See {@linkcode VerbBroker.removeQueue}. */
  async removeQueue(queue: string): Promise<{ readonly count: number }> {
    const path = `/v1/queues/${segment(queue)}`;
    return await this.#requests.send(path, { method: "DELETE", headers: ownKey() });
  }

  /** See {@linkcode VerbBroker.clone}. */
  async clone(id: string, overrides: CloneOverrides): Promise<EnqueuedJob> {
    const body = { id: newId(), ...overrides };
    const path = `/v1/jobs/${segment(id)}/clone`;
    const { enqueued, ...job } = await this.#requests.send<Wire<EnqueuedJob>>(path, { body });
    return { ...toJob(job), enqueued };
  }
}

/** When something is due, in the words of the API. */
export function dueBody(
  { runAtMs, delayMs }: { readonly runAtMs: number | null; readonly delayMs: number },
): { readonly runAt?: number; readonly delay?: number } {
  if (runAtMs !== null) return { runAt: runAtMs };
  return delayMs > 0 ? { delay: delayMs } : {};
}
