/**
 * The broker over HTTP: every call of the seam is a request to an API.
 *
 * @module
 */
import type {
  Broker,
  Changed,
  CompletionAnswer,
  Ended,
  EnqueueAnswer,
  ExchangeAnswer,
  ExchangeRequest,
  Glimpse,
  HeartbeatAnswer,
  HeartbeatRequest,
  ListQuery,
  RescuedJob,
} from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import { ErrandError, invalid } from "../errors.ts";
import type { JobRef } from "../events.ts";
import type { LogsBody, UpkeepBody, WakeupBody, Wire } from "../http/wire.ts";
import type { Job, JobPage, LogLine, Stats } from "../job.ts";
import type { SqlStatement } from "../statement.ts";
import { Endings } from "./endings.ts";
import { HttpFeed } from "./http-feed.ts";
import { HttpMarks } from "./http-marks.ts";
import { HttpSchedules } from "./http-schedules.ts";
import { dueBody, HttpVerbs } from "./http-verbs.ts";
import { HttpWorkers } from "./http-workers.ts";
import { enqueueJobs } from "./new-jobs.ts";
import { changedOnce, found } from "./pages.ts";
import { type Ask, listed, ownKey, type Requests, segment } from "./requests.ts";
import { toJob, toJobPage, toStats } from "./revive.ts";
import { Wakeups } from "./wakeups.ts";
import { exchange, heartbeat } from "./work.ts";

/** Jobs behind an API. What a server does by itself is not done here. */
export class HttpBroker implements Broker {
  /** See {@linkcode Broker.schedules}. */
  readonly schedules: HttpSchedules;
  /** See {@linkcode Broker.feed}. */
  readonly feed: HttpFeed;
  /** See {@linkcode Broker.workers}. */
  readonly workers: HttpWorkers;
  /** See {@linkcode Broker.marks}. */
  readonly marks: HttpMarks;
  /** See {@linkcode Broker.verbs}. */
  readonly verbs: HttpVerbs;
  /** See {@linkcode Broker.patient}. */
  readonly patient = true;
  /** See {@linkcode Broker.ending}. */
  readonly ending: NonNullable<Broker["ending"]>;
  readonly #requests: Requests;
  readonly #endings: Endings;
  #wakeups: Wakeups | undefined;
  #pruned = 0;

  /** Sends its requests by `requests`, which it closes. */
  constructor(requests: Requests) {
    this.#requests = requests;
    this.schedules = new HttpSchedules(requests);
    this.feed = new HttpFeed(requests);
    this.workers = new HttpWorkers(requests);
    this.marks = new HttpMarks(requests);
    this.verbs = new HttpVerbs(requests);
    this.#endings = new Endings(requests);
    this.ending = (ids, signal) => this.#endings.next(ids, signal);
  }

  enqueue(jobs: readonly NewJob[]): Promise<EnqueueAnswer> {
    return enqueueJobs(this.#requests, jobs);
  }

  join(): Promise<EnqueueAnswer> {
    return Promise.reject(noDatabase("enqueue in a transaction"));
  }

  statements(): Promise<SqlStatement[]> {
    return Promise.reject(noDatabase("make statements"));
  }

  complete(): Promise<CompletionAnswer> {
    return Promise.resolve({ kind: "refused", error: noDatabase("complete with statements") });
  }

  // ─── work ───

  async exchange(request: ExchangeRequest, patience?: AbortSignal): Promise<ExchangeAnswer> {
    if (patience !== undefined) this.#wakeups?.settle();
    const answer = await exchange(this.#requests, request, patience);
    if (answer.jobs.length > 0) this.#wakeups?.found();
    return answer;
  }

  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    return heartbeat(this.#requests, request);
  }

  async glimpse(queues: readonly string[]): Promise<Glimpse> {
    const { work, nextDueIn } = await this.#requests.send<WakeupBody>("/v1/wakeups", {
      query: { queues: listed(queues), wait: 0 },
    });
    return { available: work, ...(nextDueIn !== undefined && { nextDueMs: nextDueIn }) };
  }

  /** See {@linkcode Broker.onWork}. */
  onWork(heard: () => void): (queues: ReadonlySet<string>) => void {
    const wakeups = this.#wakeups = new Wakeups(this.#requests, heard);
    return (queues) => wakeups.listen(queues);
  }

  // ─── upkeep ───

  /** The server does all that is to be done: it is only asked to do so now. */
  async rescue(): Promise<{ jobs: readonly RescuedJob[]; nextExpiryMs: number }> {
    const jobs: RescuedJob[] = [];
    for (let passes = 0;; passes++) {
      const done = await this.#requests.send<UpkeepBody>("/v1/upkeep", { method: "POST" });
      jobs.push(...done.rescued);
      this.#pruned += done.pruned;
      if (done.nextIn > 0 || passes === PASSES_MAX) return { jobs, nextExpiryMs: done.nextIn };
    }
  }

  /** Tells what the server has removed when it was asked for upkeep. */
  prune(): Promise<{ removed: number; cursor: string }> {
    const removed = this.#pruned;
    this.#pruned = 0;
    return Promise.resolve({ removed, cursor: "" });
  }

  pruneCursor(): Promise<string> {
    return Promise.resolve("");
  }

  keepPruneCursor(): Promise<void> {
    return Promise.resolve();
  }

  indexFields(): Promise<void> {
    return Promise.resolve();
  }

  // ─── jobs ───

  async get(id: string): Promise<Job | undefined> {
    const job = await found(this.#requests.send<Wire<Job>>(jobPath(id)));
    return job && toJob(job);
  }

  async getMany(ids: readonly string[]): Promise<readonly Job[]> {
    const body = { ids };
    return toJobPage(await this.#requests.send<Wire<JobPage>>("/v1/jobs/get", { body })).jobs;
  }

  ended(ids: readonly string[]): Promise<Ended> {
    return this.#endings.ended(ids);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return (await found(this.#requests.send<LogsBody>(`${jobPath(id)}/logs`)))?.lines ?? [];
  }

  async list(query: ListQuery): Promise<JobPage> {
    const { states, queue, task, parentId, worker, meta, where } = query;
    const fields = where?.map(({ field, value }) => [field, value] as const);
    const page = await this.#requests.send<Wire<JobPage>>("/v1/jobs", {
      query: {
        ...{ queue, task, parentId, worker, meta },
        state: states.length > 0 ? states.join() : undefined,
        createdAfter: query.createdAfterMs,
        createdBefore: query.createdBeforeMs,
        where: fields && JSON.stringify(Object.fromEntries(fields)),
        ...{ limit: query.limit, cursor: query.after ?? undefined, order: query.order },
      },
    });
    return toJobPage(page);
  }

  async cancel(id: string): Promise<Changed> {
    return await this.#changed(`${jobPath(id)}/cancel`, { method: "POST" });
  }

  async retry(id: string, runAtMs: number | null, delayMs: number): Promise<Changed> {
    const body = dueBody({ runAtMs, delayMs });
    return await this.#changed(`${jobPath(id)}/retry`, { body, headers: ownKey() });
  }

  /** Looks at it before, as nobody can afterwards. */
  async remove(id: string): Promise<Changed> {
    const job = await this.get(id);
    if (job === undefined) return { changed: false };
    const removed = changedOnce<Wire<Job> | Job>(
      (repeats) => this.#requests.send<Wire<Job>>(jobPath(id), { method: "DELETE", repeats }),
      () => job,
    );
    return await found(removed) === undefined ? { changed: false } : { job, changed: true };
  }

  async #changed(path: string, ask: Ask): Promise<Changed> {
    const job = await found(this.#requests.send<Wire<Job>>(path, ask));
    return job === undefined ? { changed: false } : { job: toJob(job), changed: true };
  }

  fitting(): Promise<readonly string[]> {
    return Promise.reject(ITS_OWN);
  }

  changeMany(): Promise<readonly JobRef[]> {
    return Promise.reject(ITS_OWN);
  }

  policy(): Promise<string | null> {
    return Promise.reject(ITS_OWN);
  }

  // ─── queues ───

  async setPaused(queue: string, paused: boolean): Promise<boolean> {
    const path = `/v1/queues/${segment(queue)}/${paused ? "pause" : "resume"}`;
    await this.#requests.send(path, { method: "POST" });
    return true;
  }

  async setLimit(queue: string, limit: number | null): Promise<void> {
    await this.#requests.send(`/v1/queues/${segment(queue)}`, { method: "PUT", body: { limit } });
  }

  async stats(): Promise<Stats> {
    return toStats(await this.#requests.send("/v1/stats"));
  }

  close(): Promise<void> {
    this.#wakeups?.stop();
    this.#requests.close();
    return Promise.resolve();
  }
}

/** Passes of upkeep in a row. */
const PASSES_MAX = 100;

/** What verbs that the server offers whole are made of is never asked for. */
const ITS_OWN = new ErrandError(
  "CONFLICT",
  "Cannot take a part of a verb: the server does it whole",
);

function jobPath(id: string): string {
  return `/v1/jobs/${segment(id)}`;
}

function noDatabase(act: string): ErrandError {
  return invalid(
    `Cannot ${act}: this client talks to an API over HTTP, which takes part in no transaction; ` +
      `use Errand.open with the database itself, or do without`,
  );
}
