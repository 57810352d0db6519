/**
 * The broker over SQL: one noun, one file; this one only says who answers what.
 *
 * @module
 */
import type {
  ApiBroker,
  Broker,
  BulkRequest,
  Changed,
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
  RescuedJob,
  RescueRequest,
  Retentions,
  TaskField,
} from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { JobRef } from "../events.ts";
import type { FeedBroker } from "../feed-broker.ts";
import { newId } from "../id.ts";
import type { Job, JobPage, LogLine, Stats } from "../job.ts";
import { kept, lazy } from "../lazy.ts";
import type { MarkBroker } from "../mark-broker.ts";
import type { ScheduleBroker } from "../schedule-broker.ts";
import type { SqlStatement } from "../statement.ts";
import type { JoinedTransaction } from "../transaction.ts";
import type { WorkerBroker } from "../worker-broker.ts";
import type { Driver } from "./driver/driver.ts";
import { enqueue, isGiven } from "./enqueue.ts";
import { exchange } from "./exchange.ts";
import { keepFeed } from "./feed-keep.ts";
import { glimpse } from "./glimpse.ts";
import { ended, get, getMany } from "./jobs.ts";
import { heartbeat, rescue } from "./leases.ts";
import { telling } from "./telling.ts";

// what is seldom asked for is loaded when it is
const bulk = kept(() => import("./bulk.ts"));
const byHand = kept(() => import("./by-hand.ts"));
const completion = kept(() => import("./completion.ts"));
const history = kept(() => import("./history.ts"));
const joining = kept(() => import("./join.ts"));
const queueing = kept(() => import("./queues.ts"));
const taken = kept(() => import("./taken.ts"));

/** Stores jobs in the database behind `driver`. */
export class Store implements Broker {
  readonly #driver: Driver;
  readonly #clock: Clock;
  /** Under which name this store holds marks. */
  readonly #holder = newId();
  readonly #indexed = new Set<string>();
  #identity: string | undefined;
  /** See {@linkcode Broker.version}. */
  readonly version?: () => number;
  /** See {@linkcode Broker.silent}. */
  readonly silent: boolean;
  /** See {@linkcode Broker.onCommit}. */
  readonly onCommit?: NonNullable<Broker["onCommit"]>;
  /** See {@linkcode Broker.usage}. */
  readonly usage?: NonNullable<Broker["usage"]>;
  readonly schedules: ScheduleBroker;
  readonly feed: FeedBroker;
  readonly marks: MarkBroker;
  readonly workers: WorkerBroker;
  readonly api: ApiBroker;

  /** The database must have been migrated. */
  constructor(driver: Driver, clock: Clock) {
    const { driver: of, onWrite } = telling(driver);
    this.#driver = of;
    this.#clock = clock;
    this.schedules = lazy(
      async () => new (await import("./schedules.ts")).ScheduleStore(of, clock),
      { look: 1, list: 1, put: 1, remove: 1, due: 1, move: 1, run: 1 },
    );
    const feed = lazy<Pick<FeedBroker, "changes" | "tidy">>(
      async () => new (await import("./feed.ts")).FeedStore(of, clock),
      { changes: 1, tidy: 1 },
    );
    this.feed = { ...feed, onWrite, keep: () => keepFeed(of, clock.databaseNow()) };
    this.marks = lazy(
      async () => new (await import("./marks.ts")).MarkStore(of, clock),
      { take: 1, prolong: 1, held: 1, releaseIdle: 1, release: 1 },
    );
    this.workers = lazy(
      async () => new (await import("./workers.ts")).WorkerStore(of, clock),
      { list: 1, get: 1, ask: 1, asked: 1, remove: 1, prune: 1 },
    );
    this.api = lazy(
      async () => (await import("./api.ts")).apiBroker(of, clock),
      {
        ...{ enqueueOnce: 1, retryOnce: 1, beginOnce: 1, endOnce: 1, pruneRequests: 1 },
        ...{ standing: 1, leaseLeftMs: 1, leaseQueues: 1, waiting: 1 },
      },
    );
    this.silent = driver.silent ?? false;
    if (driver.version !== undefined) this.version = driver.version;
    if (driver.onCommit !== undefined) this.onCommit = driver.onCommit;
    if (driver.usage !== undefined) this.usage = driver.usage;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<EnqueueAnswer> {
    const here = this.#driver.sameClock ? systemClock.now() : null; // spares a look at the row
    const now = this.#clock.databaseNow() ?? here;
    const add = jobs.some(isGiven) ? (await taken()).enqueueGiven : enqueue;
    return await add(this.#driver, now, jobs);
  }

  async join(
    transaction: JoinedTransaction,
    jobs: readonly NewJob[],
  ): Promise<EnqueueAnswer> {
    return await (await joining()).join(
      transaction,
      await this.identify(),
      this.#clock.databaseNow(),
      jobs,
    );
  }

  /** What tells this database from others; asked once. */
  async identify(): Promise<string> {
    return this.#identity ??= await (await joining()).identity(this.#driver);
  }

  async statements(jobs: readonly NewJob[]): Promise<SqlStatement[]> {
    return (await joining()).enqueueStatements(this.#clock.databaseNow(), jobs);
  }

  async complete(request: CompletionRequest): Promise<CompletionAnswer> {
    return await (await completion()).complete(this.#driver, this.#clock.databaseNow(), request);
  }

  exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    return exchange(this.#driver, this.#clock.databaseNow(), request);
  }

  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    return heartbeat(this.#driver, this.#clock.databaseNow(), request);
  }

  rescue(
    request: RescueRequest,
  ): Promise<{ readonly jobs: readonly RescuedJob[]; readonly nextExpiryMs?: number }> {
    return rescue(this.#driver, this.#clock.databaseNow(), request);
  }

  async prune(
    cursor: string,
    limit: number,
  ): Promise<{ readonly removed: number; readonly cursor: string }> {
    return await (await history()).prune(this.#driver, this.#clock.databaseNow(), this.#holder, {
      cursor,
      limit,
    });
  }

  async pruneCursor(): Promise<string> {
    return await (await history()).pruneCursor(this.#driver);
  }

  async keepPruneCursor(cursor: string): Promise<void> {
    return await (await history()).keepPruneCursor(this.#driver, cursor);
  }

  glimpse(queues: readonly string[]): Promise<Glimpse> {
    return glimpse(this.#driver, this.#clock.databaseNow(), queues);
  }

  get(id: string): Promise<Job | undefined> {
    return get(this.#driver, id);
  }

  getMany(ids: readonly string[]): Promise<readonly Job[]> {
    return getMany(this.#driver, ids);
  }

  ended(ids: readonly string[]): Promise<Ended> {
    return ended(this.#driver, ids);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return await (await byHand()).logs(this.#driver, id);
  }

  async list(query: ListQuery): Promise<JobPage> {
    return await (await import("./list.ts")).list(this.#driver, query);
  }

  async cancel(id: string, retentions: Retentions): Promise<Changed> {
    return await (await byHand()).cancel(this.#driver, this.#clock.databaseNow(), id, retentions);
  }

  async retry(id: string, runAtMs: number | null, delayMs: number): Promise<Changed> {
    return await (await byHand()).retry(
      this.#driver,
      this.#clock.databaseNow(),
      id,
      runAtMs,
      delayMs,
    );
  }

  async remove(id: string): Promise<Changed> {
    return await (await byHand()).remove(this.#driver, id);
  }

  async fitting(query: JobQuery, after: string, limit: number): Promise<readonly string[]> {
    return await (await bulk()).fitting(this.#driver, query, after, limit);
  }

  async changeMany(request: BulkRequest): Promise<readonly JobRef[]> {
    return await (await bulk()).changeMany(this.#driver, this.#clock.databaseNow(), request);
  }

  async policy(id: string): Promise<string | null> {
    return await (await bulk()).policy(this.#driver, id);
  }

  async indexFields(fields: readonly TaskField[]): Promise<void> {
    if (fields.length === 0) return;
    await (await import("./fields.ts")).indexFields(this.#driver, fields, this.#indexed);
  }

  async setPaused(queue: string, paused: boolean): Promise<boolean> {
    return await (await queueing()).setPaused(this.#driver, queue, paused);
  }

  async setLimit(queue: string, most: number | null): Promise<void> {
    return await (await queueing()).setLimit(this.#driver, queue, most);
  }

  async stats(): Promise<Stats> {
    return await (await queueing()).stats(this.#driver);
  }

  close(): Promise<void> {
    return this.#driver.close();
  }
}
