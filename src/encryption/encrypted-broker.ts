/**
 * A broker that encrypts what goes in and decrypts what comes out, so that neither the store nor
 * the worker knows of it. Without keys it only marks what it cannot read.
 *
 * @module
 */
import type {
  ApiBroker,
  Broker,
  BulkRequest,
  Changed,
  ClaimedJob,
  CompletionAnswer,
  CompletionRequest,
  Ended,
  EnqueueAnswer,
  ExchangeAnswer,
  ExchangeRequest,
  Glimpse,
  HeartbeatAnswer,
  HeartbeatRequest,
  JobQuery,
  ListQuery,
  OnceAnswer,
  RescuedJob,
  RescueRequest,
  Retentions,
  TaskField,
} from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import type { JobRef } from "../events.ts";
import type { ChangePage, ChangesRequest, FeedBroker } from "../feed-broker.ts";
import type { Job, JobPage, LogLine, Stats } from "../job.ts";
import { lazy } from "../lazy.ts";
import type { SqlStatement } from "../statement.ts";
import type { JoinedTransaction } from "../transaction.ts";
import type { OnceRequest } from "../once-broker.ts";
import type { KeyRing } from "./key-ring.ts";
import { carriesEnvelope, looksSealed } from "./envelope.ts";
import { isPlain, isSealed, opening, sealing } from "./look.ts";
import { checkUnique } from "./searchable.ts";
import type { ScheduleBroker } from "../schedule-broker.ts";
import type { MarkBroker } from "../mark-broker.ts";
import type { WorkerBroker } from "../worker-broker.ts";

/** Wraps `broker`. What is not encrypted passes through it as it is. */
export class EncryptedBroker implements Broker {
  readonly #broker: Broker;
  readonly #keys: KeyRing | undefined;
  /** See {@linkcode Broker.schedules}. */
  readonly schedules: ScheduleBroker;
  /** See {@linkcode Broker.feed}. */
  readonly feed: FeedBroker;
  /** See {@linkcode Broker.workers}. */
  readonly workers: WorkerBroker;
  /** See {@linkcode Broker.marks}. */
  readonly marks: MarkBroker;
  /** See {@linkcode Broker.encrypts}. */
  readonly encrypts: boolean;
  /** See {@linkcode Broker.api}. */
  readonly api?: ApiBroker;
  /** See {@linkcode Broker.version}. */
  readonly version?: () => number;
  /** See {@linkcode Broker.silent}. */
  readonly silent: boolean;
  /** See {@linkcode Broker.onCommit}. */
  readonly onCommit?: NonNullable<Broker["onCommit"]>;
  /** See {@linkcode Broker.usage}. */
  readonly usage?: NonNullable<Broker["usage"]>;

  /** Without `keys` nothing is encrypted. */
  constructor(broker: Broker, keys?: KeyRing) {
    this.#broker = broker;
    this.#keys = keys;
    this.encrypts = keys !== undefined;
    this.schedules = lazy<ScheduleBroker>(
      async () =>
        new (await import("./encrypted-schedules.ts")).EncryptedSchedules(broker.schedules, keys),
      { look: 1, list: 1, put: 1, remove: 1, due: 1, move: 1, run: 1 },
    );
    this.feed = openedFeed(broker.feed, keys);
    this.workers = broker.workers;
    this.marks = broker.marks;
    if (broker.api !== undefined) this.api = this.#sealedApi(broker.api);
    this.silent = broker.silent ?? false;
    if (broker.version !== undefined) this.version = broker.version;
    if (broker.onCommit !== undefined) this.onCommit = broker.onCommit;
    if (broker.usage !== undefined) this.usage = broker.usage;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<EnqueueAnswer> {
    const sealed = this.#sealedJobs(jobs);
    return await this.#openAnswer(
      await this.#broker.enqueue(sealed instanceof Promise ? await sealed : sealed),
    );
  }

  async join(
    transaction: JoinedTransaction,
    jobs: readonly NewJob[],
  ): Promise<EnqueueAnswer> {
    const sealed = await this.#sealedJobs(jobs);
    return await this.#openAnswer(await this.#broker.join(transaction, sealed));
  }

  async statements(jobs: readonly NewJob[]): Promise<SqlStatement[]> {
    return await this.#broker.statements(await this.#sealedJobs(jobs));
  }

  async complete(request: CompletionRequest): Promise<CompletionAnswer> {
    if (this.#keys === undefined && isPlain(request)) return await this.#broker.complete(request);
    const { sealSettlement } = await sealing();
    const sealed = await sealSettlement(this.#keys, request);
    return await this.#broker.complete({ ...request, ...sealed } as CompletionRequest);
  }

  #sealedApi(api: ApiBroker): ApiBroker {
    const enqueueOnce = async (request: OnceRequest): Promise<OnceAnswer> => {
      const jobs = await this.#sealedJobs(request.jobs);
      const once = await api.enqueueOnce({ ...request, jobs });
      if (once.kind === "other") return once;
      if (once.kind === "taken") return { ...once, jobs: await this.#openAll(once.jobs) };
      return { ...once, answer: await this.#openAnswer(once.answer) };
    };
    const retryOnce: ApiBroker["retryOnce"] = async (request) => {
      const done = await api.retryOnce(request);
      return done && { ...await this.#openChanged(done), first: done.first };
    };
    return { ...api, enqueueOnce, retryOnce };
  }

  #sealedJobs(jobs: readonly NewJob[]): readonly NewJob[] | Promise<readonly NewJob[]> {
    const keys = this.#keys;
    if (keys !== undefined) jobs.forEach(checkUnique);
    if (keys === undefined && !jobs.some(({ payload }) => looksSealed(payload))) return jobs;
    return sealing().then(({ sealPayload }) =>
      Promise.all(jobs.map((job) => sealPayload(keys, job)))
    );
  }

  async #openAnswer(answer: EnqueueAnswer): Promise<EnqueueAnswer> {
    const { duplicates, taken } = answer;
    if (taken !== undefined) return { ...answer, taken: await this.#openAll(taken) };
    if (duplicates === undefined || duplicates.size === 0) return answer;
    const opened = await this.#openAll([...duplicates.values()]);
    const ids = [...duplicates.keys()];
    return { ...answer, duplicates: new Map(ids.map((id, index) => [id, opened[index]!])) };
  }

  async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const answer = await this.#broker.exchange(await this.#sealed(request));
    if (!answer.jobs.some(({ payload }) => looksSealed(payload))) return answer;
    return { ...answer, jobs: await this.#openClaimed(answer.jobs) };
  }

  #sealed(request: ExchangeRequest): ExchangeRequest | Promise<ExchangeRequest> {
    const keys = this.#keys;
    const { settlements } = request;
    if (keys === undefined && settlements.every(isPlain)) return request;
    return sealing().then(async ({ sealSettlement }) => ({
      ...request,
      settlements: await Promise.all(settlements.map((each) => sealSettlement(keys, each))),
    }));
  }

  async #openClaimed(jobs: readonly ClaimedJob[]): Promise<ClaimedJob[]> {
    const { openClaimed } = await opening();
    return await Promise.all(jobs.map((job) => openClaimed(this.#keys, job)));
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const keys = this.#keys;
    if (keys === undefined && request.held.every(isPlain)) return this.#broker.heartbeat(request);
    const { sealHeld } = await sealing();
    const held = await Promise.all(request.held.map((held) => sealHeld(keys, held)));
    return this.#broker.heartbeat({ ...request, held });
  }

  rescue(
    request: RescueRequest,
  ): Promise<{ readonly jobs: readonly RescuedJob[]; readonly nextExpiryMs?: number }> {
    return this.#broker.rescue(request);
  }

  prune(
    cursor: string,
    limit: number,
  ): Promise<{ readonly removed: number; readonly cursor: string }> {
    return this.#broker.prune(cursor, limit);
  }

  pruneCursor(): Promise<string> {
    return this.#broker.pruneCursor();
  }

  keepPruneCursor(cursor: string): Promise<void> {
    return this.#broker.keepPruneCursor(cursor);
  }

  glimpse(queues: readonly string[]): Promise<Glimpse> {
    return this.#broker.glimpse(queues);
  }

  async get(id: string): Promise<Job | undefined> {
    const job = await this.#broker.get(id);
    return job && this.#open(job);
  }

  async getMany(ids: readonly string[]): Promise<readonly Job[]> {
    return await this.#openAll(await this.#broker.getMany(ids));
  }

  async ended(ids: readonly string[]): Promise<Ended> {
    const { jobs, missing } = await this.#broker.ended(ids);
    const opened = await this.#openAll([...jobs.values()]);
    return { jobs: new Map(opened.map((job) => [job.id, job])), missing };
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    const lines = await this.#broker.logs(id);
    if (!lines.some(carriesEnvelope)) return lines;
    return await (await opening()).openLines(this.#keys, id, lines);
  }

  async list(query: ListQuery): Promise<JobPage> {
    const page = await this.#broker.list(query);
    return { ...page, jobs: await this.#openAll(page.jobs) };
  }

  async cancel(id: string, retentions: Retentions): Promise<Changed> {
    return this.#openChanged(await this.#broker.cancel(id, retentions));
  }

  async retry(id: string, runAtMs: number | null, delayMs: number): Promise<Changed> {
    return this.#openChanged(await this.#broker.retry(id, runAtMs, delayMs));
  }

  async remove(id: string): Promise<Changed> {
    return this.#openChanged(await this.#broker.remove(id));
  }

  fitting(query: JobQuery, after: string, limit: number): Promise<readonly string[]> {
    return this.#broker.fitting(query, after, limit);
  }

  changeMany(request: BulkRequest): Promise<readonly JobRef[]> {
    return this.#broker.changeMany(request);
  }

  policy(id: string): Promise<string | null> {
    return this.#broker.policy(id);
  }

  indexFields(fields: readonly TaskField[]): Promise<void> {
    return this.#broker.indexFields(fields);
  }

  setPaused(queue: string, paused: boolean): Promise<boolean> {
    return this.#broker.setPaused(queue, paused);
  }

  setLimit(queue: string, most: number | null): Promise<void> {
    return this.#broker.setLimit(queue, most);
  }

  stats(): Promise<Stats> {
    return this.#broker.stats();
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  #openAll(jobs: readonly Job[]): readonly Job[] | Promise<readonly Job[]> {
    if (!jobs.some(isSealed)) return jobs;
    return Promise.all(jobs.map((job) => this.#open(job)));
  }

  async #openChanged({ job, changed }: Changed): Promise<Changed> {
    return job === undefined ? { changed } : { changed, job: await this.#open(job) };
  }

  async #open(job: Job): Promise<Job> {
    return isSealed(job) ? await (await opening()).openJob(this.#keys, job) : job;
  }
}

/** Without `keys` encrypted jobs stay locked. */
function openedFeed(feed: FeedBroker, keys: KeyRing | undefined): FeedBroker {
  return {
    ...(feed.onWrite !== undefined && { onWrite: feed.onWrite }),
    keep: () => feed.keep(),
    tidy: () => feed.tidy(),
    async changes(request: ChangesRequest): Promise<ChangePage> {
      const page = await feed.changes(request);
      const jobs = [...page.jobs.values()];
      if (!jobs.some(isSealed)) return page;
      const { openJob } = await opening();
      const opened = jobs.map(async (job) => isSealed(job) ? await openJob(keys, job) : job);
      return { ...page, jobs: new Map((await Promise.all(opened)).map((job) => [job.id, job])) };
    },
  };
}
