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
import { newId } from "../id.ts";
import type { Job, JobPage, LogLine, Stats } from "../job.ts";
import type { SqlStatement } from "../statement.ts";
import type { JoinedTransaction } from "../transaction.ts";
import { complete } from "./completion.ts";
import type { Driver } from "./driver/driver.ts";
import { enqueue } from "./enqueue.ts";
import { exchange } from "./exchange.ts";
import { FeedStore } from "./feed.ts";
import { indexFields } from "./fields.ts";
import { keepPruneCursor, prune, pruneCursor } from "./history.ts";
import { enqueueStatements, identity, join } from "./join.ts";
import { cancel, ended, get, getMany, list, logs, remove, retry } from "./jobs.ts";
import { heartbeat, rescue } from "./leases.ts";
import { MarkStore } from "./marks.ts";
import { glimpse, setLimit, setPaused, stats } from "./queues.ts";
import { enqueueOnce, pruneRequests } from "./requests.ts";
import { ScheduleStore } from "./schedules.ts";
import { leaseLeftMs, standing, waiting } from "./work.ts";
import { WorkerStore } from "./workers.ts";

/** What is for many jobs, or for a look back: loaded when it is asked for. */
const bulk = (): Promise<typeof import("./bulk.ts")> => import("./bulk.ts");

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
  readonly schedules: ScheduleStore;
  readonly feed: FeedStore;
  readonly marks: MarkStore;
  readonly workers: WorkerStore;
  readonly api: ApiBroker;

  /** The database must have been migrated. */
  constructor(driver: Driver, clock: Clock) {
    this.feed = new FeedStore(driver, clock);
    this.#driver = this.feed.driver;
    this.#clock = clock;
    this.schedules = new ScheduleStore(this.#driver, clock);
    this.workers = new WorkerStore(this.#driver, clock);
    this.marks = new MarkStore(this.#driver, clock);
    this.api = apiBroker(this.#driver, clock);
    this.silent = driver.silent ?? false;
    if (driver.version !== undefined) this.version = driver.version;
    if (driver.onCommit !== undefined) this.onCommit = driver.onCommit;
    if (driver.usage !== undefined) this.usage = driver.usage;
  }

  enqueue(jobs: readonly NewJob[]): Promise<EnqueueAnswer> {
    const here = this.#driver.sameClock ? systemClock.now() : null; // spares a look at the row
    return enqueue(this.#driver, this.#clock.databaseNow() ?? here, jobs);
  }

  async join(
    transaction: JoinedTransaction,
    jobs: readonly NewJob[],
  ): Promise<EnqueueAnswer> {
    return join(transaction, await this.identify(), this.#clock.databaseNow(), jobs);
  }

  /** What tells this database from others; asked once. */
  async identify(): Promise<string> {
    return this.#identity ??= await identity(this.#driver);
  }

  statements(jobs: readonly NewJob[]): Promise<SqlStatement[]> {
    return Promise.resolve(enqueueStatements(this.#clock.databaseNow(), jobs));
  }

  complete(request: CompletionRequest): Promise<CompletionAnswer> {
    return complete(this.#driver, this.#clock.databaseNow(), request);
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

  prune(
    cursor: string,
    limit: number,
  ): Promise<{ readonly removed: number; readonly cursor: string }> {
    return prune(this.#driver, this.#clock.databaseNow(), this.#holder, { cursor, limit });
  }

  pruneCursor(): Promise<string> {
    return pruneCursor(this.#driver);
  }

  keepPruneCursor(cursor: string): Promise<void> {
    return keepPruneCursor(this.#driver, cursor);
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

  logs(id: string): Promise<readonly LogLine[]> {
    return logs(this.#driver, id);
  }

  list(query: ListQuery): Promise<JobPage> {
    return list(this.#driver, query);
  }

  cancel(id: string, retentions: Retentions): Promise<Changed> {
    return cancel(this.#driver, this.#clock.databaseNow(), id, retentions);
  }

  retry(id: string, runAtMs: number | null, delayMs: number): Promise<Changed> {
    return retry(this.#driver, this.#clock.databaseNow(), id, runAtMs, delayMs);
  }

  remove(id: string): Promise<Changed> {
    return remove(this.#driver, id);
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

  indexFields(fields: readonly TaskField[]): Promise<void> {
    return indexFields(this.#driver, fields, this.#indexed);
  }

  setPaused(queue: string, paused: boolean): Promise<boolean> {
    return setPaused(this.#driver, queue, paused);
  }

  setLimit(queue: string, most: number | null): Promise<void> {
    return setLimit(this.#driver, queue, most);
  }

  stats(): Promise<Stats> {
    return stats(this.#driver);
  }

  close(): Promise<void> {
    return this.#driver.close();
  }
}

function apiBroker(driver: Driver, clock: Clock): ApiBroker {
  return {
    enqueueOnce: (request) => enqueueOnce(driver, clock.databaseNow(), request),
    pruneRequests: (limit) => pruneRequests(driver, clock.databaseNow(), limit),
    standing: (ids) => standing(driver, ids),
    leaseLeftMs: (lease) => leaseLeftMs(driver, clock.databaseNow(), lease),
    waiting: (request) => waiting(driver, clock.databaseNow(), request),
  };
}
