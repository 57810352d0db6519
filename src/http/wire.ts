/**
 * What goes over the wire: the bodies of requests and answers, for server and clients alike.
 *
 * Instants in answers are ISO 8601 texts, but for `at` of errors and log lines (milliseconds since
 * the epoch, which requests may use for any). Durations in requests are texts such as `"30s"` or
 * milliseconds; in answers they are milliseconds. A job, a schedule and a worker are the JSON of
 * what `errand.get`, `schedules.get` and `workers.get` answer.
 *
 * @module
 */
import type { Duration, Instant } from "../duration.ts";
import type { ErrorCode, Issue } from "../errors.ts";
import type { ChangeEvent } from "../change.ts";
import type { BulkFilter } from "../bulk.ts";
import type { Job, JobState, LogLine } from "../job.ts";
import type { JobPolicy } from "../task.ts";
import type { UniqueOptions } from "../unique.ts";
import type { WorkerBeat, WorkerCommand } from "../worker-broker.ts";

export type { WorkerBeat, WorkerCommand } from "../worker-broker.ts";

/** What JSON makes of a value: instants become texts. */
export type Wire<Value> = Value extends Date ? string
  : Value extends readonly (infer Item)[] ? readonly Wire<Item>[]
  : Value extends object ? { readonly [Key in keyof Value]: Wire<Value[Key]> }
  : Value;

/** An error, as RFC 9457 has it, with the code of an `ErrandError`. */
export interface ProblemBody {
  /** A kind of problem, as a URI; absent for none in particular. */
  readonly type?: string;
  /** The status in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What could not be done, and why. */
  readonly detail: string;
  /** The reason, for programs. */
  readonly code?: ErrorCode;
  /** For `INVALID_INPUT`: each thing that is wrong. */
  readonly issues?: readonly Issue[];
  /** For `LEASE_LOST`: who holds the job now. */
  readonly holder?: HolderBody;
}

// ─── jobs ───

/** `POST /v1/jobs` takes one of these, or an array of 1 to 1,000. */
export interface NewJobBody extends JobPolicy {
  /** A UUIDv7 of the caller's own: sent again, it adds nothing; another job may not have it. */
  readonly id?: string;
  /** The name of its task. */
  readonly task: string;
  /** Its payload. */
  readonly payload?: unknown;
  /** Its queue. */
  readonly queue?: string;
  /** Higher runs earlier within a queue. */
  readonly priority?: number;
  /** Due so long from now. */
  readonly delay?: Duration;
  /** When it is due. */
  readonly runAt?: Instant;
  /** Data about it that its handler does not need. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The job that it belongs to. */
  readonly parentId?: string;
  /** Adds nothing while there is a job like it. */
  readonly unique?: boolean | UniqueOptions;
  /** What becomes of it when its worker vanishes in the middle. @default "retry" */
  readonly onLeaseExpired?: "retry" | "fail";
}

/** What `POST /v1/jobs` answers under `Prefer: return=minimal`. */
export interface EnqueuedBody {
  /** In the order of the request: the ids of the jobs that were added, or that are there. */
  readonly ids: readonly string[];
  /** When it was enqueued. */
  readonly createdAt: string;
  /** By the index in the request: the job that kept a unique one away. */
  readonly duplicates: Readonly<Record<number, Wire<Job>>>;
}

/** `POST /v1/jobs/wait`: up to 500 ids; answered when one of them has ended, or after `wait`. */
export interface WaitBody {
  /** The ids of jobs. */
  readonly ids: readonly string[];
  /** At most 60 s. @default 0 */
  readonly wait?: Duration;
}

/** What {@linkcode WaitBody} is answered with. */
export interface WaitedBody {
  /** Those that have ended. */
  readonly jobs: readonly Wire<Job>[];
  /** Ids that there is no job of. */
  readonly missing: readonly string[];
}

/** `POST /v1/jobs/{purge,cancel,retry,remove}`: many jobs by a filter. */
export interface BulkBody {
  /** Which jobs are meant. */
  readonly filter: BulkFilter;
  /** How many jobs at most. */
  readonly limit?: number;
  /** Where to go on. */
  readonly cursor?: string;
  /** Only counts. @default false */
  readonly dryRun?: boolean;
  /** For `retry`: when they are due. */
  readonly delay?: Duration;
  /** When it is due. */
  readonly runAt?: Instant;
}

/** `GET /v1/jobs/{id}/logs`. */
export interface LogsBody {
  /** The lines, oldest first. */
  readonly lines: readonly LogLine[];
}

// ─── work ───

/** `POST /v1/claims`: hands in outcomes and asks for jobs, in one transaction. */
export interface ClaimBody {
  /** The worker: its id, or any name. */
  readonly worker: string;
  /** Names, or names with how many jobs of each at most. May be left out when `limit` is 0. */
  readonly queues?: readonly string[] | Readonly<Record<string, number>>;
  /** How many jobs at most: 0 to 1,000. @default 1 */
  readonly limit?: number;
  /** How long the lease lasts without a heartbeat. @default "30s" */
  readonly lease?: Duration;
  /** A UUIDv7 of the caller's own for the lease: sent again, it gets the same jobs. */
  readonly id?: string;
  /** Answered once there is a job, or after so long, at most 60 s. @default 0 */
  readonly wait?: Duration;
  /** At most 1,000. */
  readonly outcomes?: readonly OutcomeBody[];
  /** Leases of the caller that hold nothing any more. Those of `outcomes` are seen to. */
  readonly close?: readonly string[];
}

/** What a handler said about its job on the way. */
export interface ReportBody {
  /** How far the job is. */
  readonly progress?: unknown;
  /** The job's payload anew. */
  readonly payload?: unknown;
  /** Lines for its log. */
  readonly logs?: readonly (string | LogLine)[];
  /** Makes sending `logs` again harmless. @default one derived from the lines */
  readonly logsId?: string;
}

/** Why an attempt failed. */
export interface FailureBody {
  /** What went wrong. */
  readonly message: string;
  /** The name. */
  readonly name?: string;
  /** The stack. */
  readonly stack?: string;
  /** The reason, for programs. */
  readonly code?: string;
}

/** How an attempt ended. */
export type OutcomeBody =
  & ReportBody
  & {
    /** The job's id. */
    readonly job: string;
    /** The lease's id. */
    readonly lease: string;
    /** What a caller knows of the job from its claim: spares the server a look. */
    readonly queue?: string;
    /** How long the job stays readable once it has ended. */
    readonly retention?: Duration | "forever";
  }
  & (
    | { readonly outcome: "complete"; readonly result?: unknown }
    /**
     * Without `retry` the job's policy says whether and when there is another attempt; `false`
     * makes this one the last.
     */
    | {
      readonly outcome: "fail";
      readonly error: string | FailureBody;
      readonly retry?: boolean | { readonly delay: Duration };
    }
    /** Again then, without using up an attempt. */
    | { readonly outcome: "snooze"; readonly delay: Duration }
    /** Given back without using up an attempt; without `delay` it keeps its place. */
    | {
      readonly outcome: "release";
      readonly delay?: Duration;
      readonly error?: string | FailureBody;
    }
  );

/** What {@linkcode ClaimBody} is answered with. */
export interface ClaimedBody {
  /** There when jobs were asked for. */
  readonly lease?: LeaseBody;
  /** The jobs. */
  readonly jobs: readonly ClaimedJobBody[];
  /** In the order of the request. */
  readonly outcomes: readonly OutcomeAnswer[];
  /** Milliseconds until the next scheduled job is due, when there is one. */
  readonly nextDueIn?: number;
}

/** How long a lease lasts, by the server's clock. */
export interface LeaseBody {
  /** The id. */
  readonly id: string;
  /** When it ends, by the server's clock. */
  readonly expiresAt: string;
  /** Milliseconds from the answer on. */
  readonly expiresIn: number;
}

/** A job that a lease holds. */
export interface ClaimedJobBody {
  /** The id. */
  readonly id: string;
  /** The lease's id. */
  readonly lease: string;
  /** The name of its task. */
  readonly task: string;
  /** Its queue. */
  readonly queue: string;
  /** Higher runs earlier within a queue. */
  readonly priority: number;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** Attempts that the job may have in all. */
  readonly maxAttempts: number;
  /** Milliseconds that this attempt may take. */
  readonly timeout: number;
  /** When it is due. */
  readonly runAt: string;
  /** When it was enqueued. */
  readonly createdAt: string;
  /** Its payload. */
  readonly payload: unknown;
  /** Data about it that its handler does not need. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The job that it belongs to. */
  readonly parentId?: string;
  /** Which occurrence of which schedule it is. */
  readonly schedule?: { readonly name: string; readonly at: string };
  /** Why its payload cannot be decrypted. */
  readonly locked?: NonNullable<Job["locked"]>;
  /** What the job says of itself, for workers that know its task; times in milliseconds. */
  readonly own: {
    /** Attempts in all. */
    readonly maxAttempts: number | null;
    /** Retry, timeout and retention, as they are stored. */
    readonly options: Readonly<Record<string, unknown>> | null;
  };
}

/** What came of an outcome: stored, now or before, or without effect. */
export type OutcomeAnswer =
  | { readonly job: string; readonly stored: true }
  | { readonly job: string; readonly stored: false; readonly holder: HolderBody };

/** Who has a job, since when, and where it stands; `state` is `null` when it was removed. */
export interface HolderBody {
  /** Its state. */
  readonly state: JobState | null;
  /** The lease and worker that hold it, when it runs. */
  readonly lease?: string;
  /** The worker. */
  readonly worker?: string;
  /** When its attempt began, or when it ended. */
  readonly since?: string;
}

/** `POST /v1/leases/{lease}/outcomes`: one, or an array, without `lease`. */
export interface OutcomesAnswer {
  /** What came of each outcome. */
  readonly outcomes: readonly OutcomeAnswer[];
}

/** `POST /v1/leases/heartbeat`; `POST /v1/leases/{lease}/heartbeat` leaves `leases` out. */
export interface HeartbeatBody {
  /** The leases to be prolonged. */
  readonly leases: readonly string[];
  /** How long from now they last then. @default "30s" */
  readonly lease?: Duration;
  /** The jobs that the caller believes to hold, with what there is to save. */
  readonly jobs?: readonly (ReportBody & { readonly job: string; readonly lease?: string })[];
  /** What the worker says of itself, to be listed. */
  readonly worker?: WorkerBeat;
}

/** What {@linkcode HeartbeatBody} is answered with. */
export interface BeatenBody {
  /** When it ends, by the server's clock. */
  readonly expiresAt: string;
  /** Milliseconds from the answer on. */
  readonly expiresIn: number;
  /** Those of `jobs` that the caller does not hold: `cancelled`, taken over, or removed. */
  readonly lost: readonly { readonly job: string; readonly state: JobState | null }[];
  /** What the worker is asked to do. */
  readonly command?: WorkerCommand;
}

/** `GET /v1/wakeups?queues=a,b&after=TOKEN&wait=30s`: whether there may be work. */
export interface WakeupBody {
  /** Pass it with the next request: then nothing that happens in between is missed. */
  readonly after: string;
  /** Whether one of the queues holds an available job, or may hold one. */
  readonly work: boolean;
  /** Milliseconds until the next scheduled job is due. */
  readonly nextDueIn?: number;
}

/** `POST /v1/upkeep`: one bounded pass of schedules, rescue and retention. */
export interface UpkeepBody {
  /** Jobs of expired leases that were put back, or failed. */
  readonly rescued: readonly {
    /** The id. */
    readonly id: string;
    /** The name of its task. */
    readonly task: string;
    /** Its queue. */
    readonly queue: string;
    /** The attempt. */
    readonly attempt: number;
    /** Its state. */
    readonly state: JobState;
  }[];
  /** Jobs that schedules owed. */
  readonly enqueued: number;
  /** Ended jobs that were removed. */
  readonly pruned: number;
  /** Milliseconds until the next pass is worth while. */
  readonly nextIn: number;
}

/** `POST /v1/marks/{name}`: takes or prolongs what one alone may hold. */
export interface MarkBody {
  /** Who holds it. */
  readonly holder: string;
  /** How long it lasts without being prolonged. */
  readonly for: Duration;
  /** Only prolongs. @default false */
  readonly prolong?: boolean;
}

/** `POST /v1/marks/{name}/release`: gives it up, unless there is such a job. */
export interface MarkReleaseBody {
  /** Who holds it. */
  readonly holder: string;
  /** The jobs that keep it from being given up. */
  readonly unless?: { readonly queues: readonly string[]; readonly later?: boolean };
}

// ─── events ───

/** One event of `GET /v1/events`, as `data` of the stream or as an item of a page. */
export interface ChangeBody {
  /** Where to go on. */
  readonly cursor: string;
  /** What happened. */
  readonly event: ChangeEvent;
  /** The id. */
  readonly id: string;
  /** The name of its task. */
  readonly task: string;
  /** Its queue. */
  readonly queue: string;
  /** Its state. */
  readonly state: JobState;
  /** When. */
  readonly at: string;
  /** Of a failure: whether there is another attempt. */
  readonly willRetry?: boolean;
  /** The job's id. */
  readonly job?: Wire<Job>;
}

/** `GET /v1/events` without `Accept: text/event-stream`. */
export interface ChangesBody {
  /** The changes, in the order of their commits. */
  readonly changes: readonly ChangeBody[];
  /** Where to go on. */
  readonly cursor: string;
  /** Whether there is more after it already. */
  readonly more: boolean;
}
