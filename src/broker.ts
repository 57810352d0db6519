/**
 * The seam between everything that thinks about jobs and everything that stores them. Requests and
 * answers are plain data, and every call may be repeated without a second effect.
 *
 * @module
 */
import type { JobRef } from "./events.ts";
import type { FeedBroker } from "./feed-broker.ts";
import type { FieldValue, Job, JobFilter, JobPage, JobState, LogLine, Stats } from "./job.ts";
import type { Completed, Held, Refused, Settlement } from "./outcome.ts";
import type { MarkBroker } from "./mark-broker.ts";
import type { Due, NewJob } from "./job-terms.ts";
import type { OnceKey, OnceRequest, OnceStanding, RetryOnceRequest } from "./once-broker.ts";
import type { SqlStatement } from "./statement.ts";
import type { JoinedTransaction } from "./transaction.ts";
import type { ScheduleBroker } from "./schedule-broker.ts";
import type { VerbBroker } from "./verb-broker.ts";
import type { WorkerBeat, WorkerBroker, WorkerCommand } from "./worker-broker.ts";

/** What came of an enqueue, once committed. */
export interface EnqueueAnswer {
  readonly createdAtMs: number;
  /** By the id of a unique job that was not added: the job that holds its key, as it stands. */
  readonly duplicates?: ReadonlyMap<string, Job>;
  /** Nothing was added: these jobs are there already under ids that callers gave. */
  readonly taken?: readonly Job[];
}

/** A job that a lease holds; texts are JSON. */
export interface ClaimedJob {
  readonly id: string;
  readonly lease: string;
  readonly task: string;
  readonly queue: string;
  readonly priority: number;
  readonly attempt: number;
  readonly maxAttempts: number | null;
  readonly runAtMs: number;
  readonly createdAtMs: number;
  readonly parentId: string | null;
  readonly payload: string;
  readonly options: string | null;
  readonly meta: string | null;
  /** Why the payload cannot be decrypted here. */
  readonly locked?: NonNullable<Job["locked"]>;
}

/** A wish for jobs, under a lease whose id the client makes. */
export interface ClaimRequest {
  readonly lease: string;
  readonly leaseMs: number;
  /** How many jobs at most, in all. */
  readonly limit: number;
  /** How many at most from each queue. */
  readonly queues: readonly { readonly queue: string; readonly limit: number }[];
}

/** "These are done, give me more": one write batch, one round trip. */
export interface ExchangeRequest {
  /** The worker's id. */
  readonly worker: string;
  readonly settlements: readonly Settlement[];
  /** Leases whose last job is settled with this request. */
  readonly closedLeases: readonly string[];
  readonly claim?: ClaimRequest;
}

/** What is ahead of those who look for jobs. */
export interface Prospect {
  /** Milliseconds until the next scheduled job is due, when there is one. */
  readonly nextDueMs?: number;
  /** A queue that was looked into has a limit: the end of a job may make room for another. */
  readonly limited?: true;
}

/** What came of an exchange, once committed; it looks ahead when a claim asked. */
export interface ExchangeAnswer extends Prospect, Refused {
  readonly jobs: readonly ClaimedJob[];
  /** Ids of the settlements that changed nothing, because their lease no longer held the job. */
  readonly lost: ReadonlySet<string>;
  /** The jobs were claimed before, under the same lease. */
  readonly repeated?: true;
}

/** Prolongs leases, saves reports, and asks which jobs are no longer held. */
export interface HeartbeatRequest {
  readonly leaseMs: number;
  readonly leases: readonly string[];
  readonly held: readonly Held[];
  /** There when the worker's own row is to be written anew. */
  readonly worker?: WorkerBeat;
}

/** What a worker hears from a heartbeat. */
export interface HeartbeatAnswer extends Pick<Refused, "dropped"> {
  /** How many of the leases there were, where the store tells. */
  readonly prolonged?: number;
  /** Which of the held jobs are not. */
  readonly lost: readonly LostJob[];
  /** What it is asked to do; told to those who have written their row. */
  readonly command?: WorkerCommand;
}

/** A job that its worker believes to hold and does not. */
export interface LostJob {
  readonly id: string;
  /** The state that it is in; `null` when it was removed. */
  readonly state: JobState | null;
}

/** How to judge jobs whose worker vanished, where the job itself says nothing. */
export interface RescueRequest {
  /** Leases at most. */
  readonly limit: number;
  readonly maxAttempts: number;
  /** By task: attempts in all, and whether a vanished worker fails the job at once. */
  readonly tasks: Readonly<
    Record<string, { readonly maxAttempts: number; readonly fail: boolean }>
  >;
  readonly retentions: Retentions;
}

/** A job whose lease expired. */
export interface RescuedJob {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly attempt: number;
  readonly state: JobState;
}

/** How long ended jobs stay where they say nothing themselves: milliseconds, `null` for ever. */
export interface Retentions {
  readonly defaultMs: number | null;
  readonly tasks: Readonly<Record<string, number | null>>;
}

/** Which queues hold work now. */
export interface Glimpse extends Prospect {
  /** Whether any of the queues asked about holds a job that may be claimed. */
  readonly available: boolean;
}

/** What a change by hand came to. */
export interface Changed {
  /** The job as it stands now; absent when there is none. */
  readonly job?: Job;
  /** Whether this very call changed it. */
  readonly changed: boolean;
}

/** Which jobs have ended. */
export interface Ended {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly missing: ReadonlySet<string>;
}

/** A payload field that a task declares as searchable. */
export interface TaskField {
  readonly task: string;
  readonly field: string;
}

/** One batch of many changes by hand. */
export interface BulkRequest {
  readonly verb: "cancel" | "retry" | "remove";
  /** What a job must still be for the change; it names at least one state. */
  readonly query: JobQuery;
  /** The jobs of this batch. */
  readonly ids: readonly string[];
  readonly retentions: Retentions;
  /** When what is retried is due; now unless said. */
  readonly due?: Due;
}

/** A completion with statements, to be stored by itself. */
export interface CompletionRequest extends Settlement {
  readonly outcome: Completed;
  /** Whether it was asked for before, without an answer that says what became of it. */
  readonly repeated: boolean;
}

/** What became of a completion with statements: everything in it was written, or nothing. */
export type CompletionAnswer =
  | { readonly kind: "stored" }
  /** The job is no longer this attempt's. */
  | { readonly kind: "lost"; readonly cancelled: boolean }
  /** A statement failed. */
  | { readonly kind: "refused"; readonly error: unknown };

/** What a change by such a request came to, now or when it came `first`. */
export interface ChangedOnce extends Changed {
  readonly first: boolean;
}

/** What came of a request that may have come before. */
export type OnceAnswer =
  /** The jobs' ids, in their order: those of the first time, when it is `repeated`. */
  | {
    readonly kind: "stored" | "repeated";
    readonly ids: readonly string[];
    readonly answer: EnqueueAnswer;
  }
  /** Another request came with this key. */
  | { readonly kind: "other" }
  /** Nothing was added: these jobs are there already under ids that callers gave. */
  | { readonly kind: "taken"; readonly jobs: readonly Job[] };

/** What a job is and who has it. */
export interface Standing {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly maxAttempts: number | null;
  /** What it says itself: JSON. */
  readonly options: string | null;
  /** The lease that holds it, or that held it last. */
  readonly lease: string | null;
  /** Who has that lease, while there is one. */
  readonly worker: string | null;
  /** When its attempt began or, when it has ended, when it ended. */
  readonly sinceMs: number | null;
}

/** A look for work on behalf of many. */
export interface WaitingRequest {
  readonly queues: readonly string[];
  /** How many jobs of a queue are counted at most. */
  readonly most: number;
  /** Makes available what has fallen due since. */
  readonly promote: boolean;
}

/** How many jobs may be claimed, by queue. */
export interface WaitingAnswer extends Prospect {
  readonly jobs: ReadonlyMap<string, number>;
}

/** What an API asks of a store. Every call may be repeated without a second effect. */
export interface ApiBroker {
  /** Adds jobs and remembers the request, in one transaction, unless it is remembered already. */
  enqueueOnce(request: OnceRequest): Promise<OnceAnswer>;
  /**
   * Makes an ended job live again and remembers the request, in one transaction, unless it is
   * remembered already; `undefined` when another request came with its key.
   */
  retryOnce(
    request: RetryOnceRequest,
  ): Promise<ChangedOnce | undefined>;
  /** Remembers that a request is begun, unless one is with its key. */
  beginOnce(request: OnceKey): Promise<OnceStanding>;
  /** Remembers what a begun request has come to; forgets it when that is `undefined`. */
  endOnce(key: string, answer: unknown): Promise<void>;
  /** Forgets up to `limit` requests that need not be remembered any more. */
  pruneRequests(limit: number): Promise<void>;
  /** Those of `ids` that there are. */
  standing(ids: readonly string[]): Promise<readonly Standing[]>;
  /** How long a lease lasts yet, if there is one. */
  leaseLeftMs(lease: string): Promise<number | undefined>;
  /** The queues that the jobs of leases are of. */
  leaseQueues(leases: readonly string[]): Promise<readonly string[]>;
  /** How many jobs there are to claim. */
  waiting(request: WaitingRequest): Promise<WaitingAnswer>;
}

/** Jobs in a store, whatever the store is. */
export interface Broker {
  /**
   * Adds jobs in one transaction. An id that is there already is left alone; one that a caller gave
   * is told, and nothing is added.
   */
  enqueue(jobs: readonly NewJob[]): Promise<EnqueueAnswer>;
  /** Adds jobs in a transaction of the caller's, which must be of the same database. */
  join(
    transaction: JoinedTransaction,
    jobs: readonly NewJob[],
  ): Promise<EnqueueAnswer>;
  /** The statements that add jobs, for a batch of the caller's. */
  statements(jobs: readonly NewJob[]): Promise<SqlStatement[]>;
  /** Completes a job together with statements of its handler, in one transaction. */
  complete(request: CompletionRequest): Promise<CompletionAnswer>;
  /**
   * Hands in outcomes and claims, in one transaction. With `patience`, a `patient` store answers a
   * claim that finds nothing only when there is a job, when it has waited long, or when `patience`
   * aborts; that answer is as good as any other.
   */
  exchange(request: ExchangeRequest, patience?: AbortSignal): Promise<ExchangeAnswer>;
  /** Prolongs leases, reports, and writes the worker's row; answers what has changed for it. */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer>;
  /** Takes back what expired leases hold; answers what it took and when to look again. */
  rescue(request: RescueRequest): Promise<{
    readonly jobs: readonly RescuedJob[];
    readonly nextExpiryMs?: number;
  }>;
  /** Removes ended jobs whose retention is over, looking at `limit` rows after `cursor`. */
  prune(cursor: string, limit: number): Promise<{
    readonly removed: number;
    readonly cursor: string;
  }>;
  /** The cursor that was kept last; empty when there is none. */
  pruneCursor(): Promise<string>;
  /** Keeps where a pass has ended, for whoever prunes next. */
  keepPruneCursor(cursor: string): Promise<void>;
  /** Looks for work without writing. */
  glimpse(queues: readonly string[]): Promise<Glimpse>;
  get(id: string): Promise<Job | undefined>;
  /** Those of `ids` that there are. */
  getMany(ids: readonly string[]): Promise<readonly Job[]>;
  /** Those of `ids` that have ended, and those that there are none of. */
  ended(ids: readonly string[]): Promise<Ended>;
  logs(id: string): Promise<readonly LogLine[]>;
  list(query: ListQuery): Promise<JobPage>;
  cancel(id: string, retentions: Retentions): Promise<Changed>;
  retry(id: string, runAtMs: number | null, delayMs: number): Promise<Changed>;
  remove(id: string): Promise<Changed>;
  /** Ids of up to `limit` jobs after id `after` that fit, in the order of their ids. */
  fitting(query: JobQuery, after: string, limit: number): Promise<readonly string[]>;
  /** Changes those of `ids` that still fit, in one transaction; answers which they were. */
  changeMany(request: BulkRequest): Promise<readonly JobRef[]>;
  /** What a job says itself on retry, timeout and retention: JSON, or `null`. */
  policy(id: string): Promise<string | null>;
  /** Makes the indexes of these fields, where they are missing. */
  indexFields(fields: readonly TaskField[]): Promise<void>;
  setPaused(queue: string, paused: boolean): Promise<boolean>;
  /** At most so many jobs of the queue run at once; `null` for no limit. */
  setLimit(queue: string, most: number | null): Promise<void>;
  stats(): Promise<Stats>;
  readonly schedules: ScheduleBroker;
  readonly feed: FeedBroker;
  readonly workers: WorkerBroker;
  readonly marks: MarkBroker;
  /** For APIs over it; what reaches its store by an API itself has none. */
  readonly api?: ApiBroker;
  /** A number that changes when another connection has committed; only where that is cheap. */
  readonly version?: () => number;
  /** Whether other processes' commits are heard from nobody, so that one has to look for them. */
  readonly silent?: boolean;
  /** Calls `heard` when somebody may be committing; returns what ends that, if it can be had. */
  readonly onCommit?: (heard: () => void) => (() => void) | undefined;
  /**
   * Calls `heard` when there may be work in the queues that what it returns is told, whenever they
   * change. Only where somebody else looks for that.
   */
  readonly onWork?: (heard: () => void) => (queues: ReadonlySet<string>) => void;
  /** Which of up to 500 jobs have ended, once one has or the signal aborts; only as `onWork` is. */
  readonly ending?: (ids: readonly string[], signal: AbortSignal) => Promise<Ended>;
  /** Whether an exchange can wait for jobs. */
  readonly patient?: boolean;
  /** Verbs that the store offers whole. */
  readonly verbs?: VerbBroker;
  /** What the server has counted; only where it tells. */
  readonly usage?: () => Usage;
  /** Whether payloads are stored encrypted, so that nothing can look into them there. */
  readonly encrypts?: boolean;
  close(): Promise<void>;
}

/** What a database server says that it has read and written for this Errand, and bills. */
export interface Usage {
  /** Rows that statements have read. */
  readonly rowsRead: number;
  /** Rows, and entries of indexes, that statements have written. */
  readonly rowsWritten: number;
  /** Requests that were answered. */
  readonly requests: number;
}

/** A checked {@linkcode JobFilter}; without states, those of all. */
export interface JobQuery extends Pick<JobFilter, "queue" | "task" | "parentId" | "worker"> {
  readonly states: readonly JobState[];
  /** Enqueued then or later … */
  readonly createdAfterMs?: number;
  /** … and before. */
  readonly createdBeforeMs?: number;
  /** A JSON object. */
  readonly meta?: string;
  /** Fields of the payload that `task`, which is then there, has indexes for. */
  readonly where?: readonly { readonly field: string; readonly value: FieldValue }[];
}

/** A {@linkcode JobQuery} with its page. */
export interface ListQuery extends JobQuery {
  readonly limit: number;
  readonly after: string | null;
  readonly order: "newest" | "oldest";
}
