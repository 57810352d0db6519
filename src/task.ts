/**
 * Tasks: the code that jobs name. A definition holds no connection, so any module may import it.
 *
 * @module
 */
import { type RetryOptions, type RetryPolicy, retryPolicy } from "./backoff.ts";
import { type Duration, durationMs, type Instant } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { checkIndex } from "./field-index.ts";
import { checkIsolate, type Isolate, type IsolateOptions } from "./isolate.ts";
import type { EnqueuedJob, Occurrence } from "./job.ts";
import type { Jsonified } from "./jsonified.ts";
import { checkMembers } from "./members.ts";
import type { Schema } from "./schema.ts";
import type { CompleteOptions, Completion } from "./statement.ts";
import { checkOutlives, type UniqueOptions, type UniqueRule, uniqueRule } from "./unique.ts";

/** How long an ended job stays readable; `0` removes it at the moment it ends. */
export type Retention = Duration | "forever";

/** What a handler returns to be run again later: made by `snooze`. */
export interface Snoozed {
  /** Marks the value. */
  readonly snoozed: true;
}

/** What a handler may return. */
export type Returned<Result> = Result | Snoozed | Completion<Result>;

/** The job, as its handler sees it. */
export interface RunningJob {
  /** The job's id. */
  readonly id: string;
  /** The name of its task. */
  readonly task: string;
  /** Its queue. */
  readonly queue: string;
  /** Its priority. */
  readonly priority: number;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** Attempts in all. */
  readonly maxAttempts: number;
  /** When it was due. */
  readonly runAt: Date;
  /** When it was enqueued. */
  readonly createdAt: Date;
  /** Data about the job. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The job that it belongs to. */
  readonly parentId?: string;
  /** Which occurrence of which schedule it is. */
  readonly schedule?: Occurrence;
}

/** What a handler gets. */
export interface TaskContext<Input = unknown> {
  /** The payload, parsed by the task's schema. */
  readonly input: Input;
  /** The job that this attempt runs. */
  readonly job: RunningJob;
  /**
   * Aborts when the attempt may stop: its `reason` is an {@linkcode AttemptAborted} that says
   * whether by timeout, cancellation, a lost lease or shutdown.
   */
  readonly signal: AbortSignal;
  /** Saves how far the job is: any JSON value, with the next heartbeat at the latest. */
  progress(value: unknown): void;
  /** Adds a line to the job's log (at most 1,000 lines an attempt, 2,000 characters a line). */
  log(message: string): void;
  /** `return snooze("5m")` runs the job again then, without using up an attempt. */
  snooze(duration: Duration): Snoozed;
  /**
   * `return complete({ result, statements })` runs the statements in the same transaction that
   * stores the completion: all of it, or nothing when the job is no longer this attempt's. A
   * statement that fails fails the attempt.
   */
  complete<Result = null>(options: CompleteOptions<Result>): Completion<Result>;
  /**
   * Lays `patch` over the job's payload, once the task's schema has accepted the whole. It is
   * saved with the outcome at the latest, whatever the outcome is.
   */
  update(patch: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Why the signal of an attempt aborted. */
export type AbortReason = "timeout" | "cancelled" | "lease-lost" | "shutdown";

/** The `reason` of an attempt's aborted signal. */
export class AttemptAborted extends Error {
  /** `"TimeoutError"` for a timeout and `"AbortError"` otherwise, as the platform names them. */
  override readonly name: string;
  /** Why the attempt may stop. */
  readonly reason: AbortReason;

  /** Made by the worker. */
  constructor(reason: AbortReason, message: string) {
    super(message);
    this.name = reason === "timeout" ? "TimeoutError" : "AbortError";
    this.reason = reason;
  }
}

/** What both a task and a single job may say; the job has the last word. */
export interface JobPolicy {
  /** When and how often a failed attempt is followed by another. */
  readonly retry?: RetryOptions;
  /** How long one attempt may take. @default "1h" */
  readonly timeout?: Duration;
  /** How long the job stays readable once it has ended. @default "7d" */
  readonly retention?: Retention;
}

/** What a task is made of. */
export interface TaskOptions<In, Parsed, Result> extends JobPolicy {
  /** Unique among the tasks of an Errand: how a job names its code. */
  readonly name: string;
  /** Checks the payload at enqueue, and again before each attempt. */
  readonly input?: Schema<In, Parsed>;
  /** Where its jobs wait. @default "default" */
  readonly queue?: string;
  /** Higher runs earlier in its queue; whole, from -1,000,000 to 1,000,000. @default 0 */
  readonly priority?: number;
  /**
   * Payload fields that its jobs can be searched by, up to 8: `["customer.id"]`. Each costs one
   * row written a job of this task, and none a job of others.
   */
  readonly index?: readonly string[];
  /** What becomes of a job whose worker vanished in the middle. @default "retry" */
  readonly onLeaseExpired?: "retry" | "fail";
  /** Adds no job while there is one like it: by its whole payload (`true`), fields, or a key. */
  readonly unique?: boolean | UniqueOptions;
  /**
   * Runs the handler in a thread of its own, so that it may block or crash; `module` says where it
   * is found. @default false
   */
  readonly isolate?: boolean | IsolateOptions;
  /** The module that exports this task, for `isolate`: write `import.meta.url`. */
  readonly module?: string;
  /** The handler: throw to fail, return the result (any JSON value) to complete. */
  run(context: TaskContext<Parsed>): Returned<Result> | Promise<Returned<Result>>;
}

/** {@linkcode JobPolicy}, checked, in milliseconds, and without what was not said. */
export interface Policy {
  /** When and how often a failed attempt is followed by another. */
  readonly retry?: RetryPolicy;
  /** How long one attempt may take. */
  readonly timeoutMs?: number;
  /** How long the ended job stays readable; `null` for ever. */
  readonly retentionMs?: number | null;
}

/** A task: a name, a schema, a policy and a handler. */
export interface Task<In = unknown, Parsed = unknown, Result = unknown> {
  /** How a job names its code. */
  readonly name: string;
  /** Checks the payload. */
  readonly input?: Schema<In, Parsed>;
  /** Where its jobs wait. */
  readonly queue: string;
  /** The priority of its jobs. */
  readonly priority: number;
  /** What its jobs do unless they say otherwise. */
  readonly policy: Policy;
  /** Payload fields that its jobs can be searched by. */
  readonly index?: readonly string[];
  /** What becomes of a job whose worker vanished in the middle. */
  readonly onLeaseExpired: "retry" | "fail";
  /** Which of its jobs count as the same, if any. */
  readonly unique?: UniqueRule;
  /** Which threads its handler runs in, if it does not run in the worker's. */
  readonly isolate?: Isolate;
  /** The handler. */
  run(context: TaskContext<Parsed>): Returned<Result> | Promise<Returned<Result>>;
  /** Enqueues a job of this task: `task.enqueue(errand, payload)`. */
  enqueue(
    errand: Enqueuer,
    ...payload: PayloadArguments<In, EnqueueOptions>
  ): Promise<EnqueuedJob<In, Result>>;
}

/** What can enqueue a task's jobs: an Errand, or a client of one. */
export interface Enqueuer {
  /** Enqueues one job. */
  enqueue<In, Parsed, Result>(
    task: Task<In, Parsed, Result>,
    ...payload: PayloadArguments<In, EnqueueOptions>
  ): Promise<EnqueuedJob<In, Result>>;
}

/** A payload that may be left out when the schema takes `undefined`, or there is no schema. */
export type PayloadArguments<In, Options> = undefined extends In ? [payload?: In, options?: Options]
  : [payload: In, options?: Options];

/** What a single job may say at enqueue. */
export interface EnqueueOptions extends JobPolicy {
  /** Another queue than the task's. */
  readonly queue?: string;
  /** Another priority than the task's. */
  readonly priority?: number;
  /** Due so long after now, by the database's clock. Not together with `runAt`. */
  readonly delay?: Duration;
  /** Due at this instant. Not together with `delay`. */
  readonly runAt?: Instant;
  /** Data about the job that its handler does not need. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The job that this one belongs to. */
  readonly parentId?: string;
  /** Instead of the task's word on it, not laid over it; `false` for none. */
  readonly unique?: boolean | UniqueOptions;
}

const OPTIONS: readonly string[] = Object.keys(
  {
    ...{ name: 1, input: 1, run: 1, queue: 1, priority: 1, retry: 1, timeout: 1, retention: 1 },
    ...{ index: 1, onLeaseExpired: 1, unique: 1, isolate: 1, module: 1 },
  } satisfies Record<keyof TaskOptions<unknown, unknown, unknown>, 1>,
);
const NAME_MAX_LENGTH = 128;
const PRIORITY_MAX = 1_000_000;

/**
 * Defines a task.
 *
 * @example
 * ```ts
 * import { defineTask } from "errand";
 *
 * export const greet = defineTask({
 *   name: "greet",
 *   retry: { maxAttempts: 3, delay: "5s" },
 *   run: ({ job }) => `hello from attempt ${job.attempt}`,
 * });
 * ```
 *
 * @throws {ErrandError} `INVALID_INPUT` for an unusable name, duration, priority or retry.
 */
export function defineTask<In = unknown, Parsed = In, Result = unknown>(
  options: TaskOptions<In, Parsed, Result>,
): Task<In, Parsed, Jsonified<Result>> {
  if (typeof options !== "object" || options === null) {
    throw invalid(`Cannot define ${show(options)} as a task: pass { name, run }`);
  }
  const name = checkName(options.name, "a task's name");
  const isPlain = Object.getPrototypeOf(options) === Object.prototype;
  if (isPlain) checkMembers(options, OPTIONS, `task "${name}"`); // an instance has its own fields
  if (typeof options.run !== "function") {
    throw invalid(`Cannot define task "${name}": run is ${show(options.run)}, not a function`);
  }
  if (options.input !== undefined && typeof options.input["~standard"]?.validate !== "function") {
    throw invalid(
      `Cannot define task "${name}": input is no Standard Schema (valibot, zod, arktype, …)`,
    );
  }
  const { onLeaseExpired = "retry" } = options;
  if (onLeaseExpired !== "retry" && onLeaseExpired !== "fail") {
    const what = `onLeaseExpired of task "${name}"`;
    throw invalid(`Cannot use ${show(onLeaseExpired)} as ${what}: it is "retry" or "fail"`);
  }
  const isolate = checkIsolate(options.isolate ?? false, options.module, `task "${name}"`);
  const { unique: asked = false } = options;
  const unique = uniqueRule(asked, `unique of task "${name}"`);
  const policy = checkPolicy(options, `task "${name}"`);
  checkOutlives(unique, policy.retentionMs, `unique of task "${name}"`);
  const task: Task<In, Parsed, Jsonified<Result>> = {
    name,
    queue: checkName(options.queue ?? "default", `the queue of task "${name}"`),
    priority: checkPriority(options.priority ?? 0, `the priority of task "${name}"`),
    policy,
    onLeaseExpired,
    ...(options.input !== undefined && { input: options.input }),
    ...(options.index !== undefined && {
      index: checkIndex(options.index, options.input, `task "${name}"`),
    }),
    ...(unique !== undefined && { unique }),
    ...(isolate !== undefined && { isolate }),
    run: (context) => options.run(context) as Returned<Jsonified<Result>>,
    enqueue: (errand, ...payload) => errand.enqueue(task, ...payload),
  };
  return Object.freeze(task);
}

/** `name`, when it can be one: of a task, a queue, a worker. */
export function checkName(name: string, what: string): string {
  if (typeof name === "string" && /^[^\p{Cc}\p{Cs}]{1,128}$/u.test(name)) return name;
  throw invalid(
    `Cannot use ${show(name)} as ${what}: it is text of 1 to ${NAME_MAX_LENGTH} characters ` +
      `without control characters`,
  );
}

/** `priority`, when it can be one. */
export function checkPriority(priority: number, what: string): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= PRIORITY_MAX) return priority;
  throw invalid(
    `Cannot use ${show(priority)} as ${what}: it is a whole number from -1,000,000 to 1,000,000`,
  );
}

/** The checked policy of `options`; what it does not say stays out. */
export function checkPolicy(options: JobPolicy, what: string): Policy {
  const { retry, timeout, retention } = options;
  if (timeout !== undefined && durationMs(timeout, `the timeout of ${what}`) === 0) {
    throw invalid(`Cannot use 0 as the timeout of ${what}: no attempt could end in time`);
  }
  return {
    ...(retry !== undefined && { retry: retryPolicy(retry, `the retry of ${what}`) }),
    ...(timeout !== undefined && { timeoutMs: durationMs(timeout, `the timeout of ${what}`) }),
    ...(retention !== undefined && {
      retentionMs: retention === "forever"
        ? null
        : durationMs(retention, `the retention of ${what}`),
    }),
  };
}
