/**
 * What a handler gets: its attempt, as it may use it.
 *
 * @module
 */
import type { ClaimedJob } from "./broker.ts";
import { decode } from "./codec.ts";
import type { Duration } from "./duration.ts";
import type { CompleteOptions, Completion } from "./statement.ts";
import type { RunningJob, Snoozed, TaskContext } from "./task.ts";

/** What a handler's context needs of an attempt. */
export interface Attempting {
  readonly job: ClaimedJob;
  readonly policy: { readonly retry: { readonly maxAttempts: number } };
  /** The payload as it stands, with updates. */
  readonly payload: unknown;
  signal(): AbortSignal;
  progress(value: unknown): void;
  log(message: string): void;
  snooze(duration: Duration): Snoozed;
  complete(options: CompleteOptions<unknown>): Completion;
  update(patch: Readonly<Record<string, unknown>>): Promise<void>;
}

/** The context with what only a handler's stand-in needs. */
export interface HandlerContext extends TaskContext {
  /** The payload that `input` was made of. */
  readonly payload: unknown;
}

/**
 * What the handler gets. A handler takes what it needs from it by name, so the functions are made
 * when asked for, and work without their object.
 */
export class Context implements HandlerContext {
  readonly input: unknown;
  readonly #attempt: Attempting;

  /** Of `attempt`, whose payload its schema has made `input` of. */
  constructor(attempt: Attempting, input: unknown) {
    this.#attempt = attempt;
    this.input = input;
  }

  /** See {@linkcode HandlerContext}; so for all others. */
  get job(): RunningJob {
    return runningJob(this.#attempt.job, this.#attempt.policy.retry.maxAttempts);
  }

  get payload(): unknown {
    return this.#attempt.payload;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal();
  }

  get progress(): TaskContext["progress"] {
    return (value) => this.#attempt.progress(value);
  }

  get log(): TaskContext["log"] {
    return (message) => this.#attempt.log(message);
  }

  get snooze(): TaskContext["snooze"] {
    return (duration) => this.#attempt.snooze(duration);
  }

  get complete(): TaskContext["complete"] {
    return <Result>(options: CompleteOptions<Result>) =>
      this.#attempt.complete(options) as Completion<Result>;
  }

  get update(): TaskContext["update"] {
    return (patch) => this.#attempt.update(patch);
  }
}

function runningJob(job: ClaimedJob, maxAttempts: number): RunningJob {
  return {
    id: job.id,
    task: job.task,
    queue: job.queue,
    priority: job.priority,
    attempt: job.attempt,
    maxAttempts,
    runAt: new Date(job.runAtMs),
    createdAt: new Date(job.createdAtMs),
    ...(job.meta !== null && { meta: decode(job.meta) as Record<string, unknown> }),
    ...(job.parentId !== null && { parentId: job.parentId }),
    ...(job.options !== null && occurrence(job.options)),
  };
}

function occurrence(options: string): Pick<RunningJob, "schedule"> {
  const { schedule } = decode(options) as { schedule?: { name: string; at: number } };
  return schedule === undefined
    ? {}
    : { schedule: { name: schedule.name, at: new Date(schedule.at) } };
}
