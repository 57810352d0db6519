/**
 * How an attempt ends, and how a running job is reported on.
 *
 * @module
 */
import type { ErrandError } from "./errors.ts";
import type { JobError, JobState } from "./job.ts";
import type { SqlStatement } from "./statement.ts";

/** The ending of one attempt. Delays are in milliseconds from the database's now. */
export type Outcome =
  | Completed
  | Failed
  | { readonly kind: "retry"; readonly error: JobError; readonly delayMs: number }
  | { readonly kind: "snooze"; readonly delayMs: number }
  | {
    /** Given back without having used up an attempt; without a delay it keeps its place. */
    readonly kind: "release";
    readonly delayMs?: number;
    readonly error?: JobError;
  };

/** Whether `outcome` ends the job, rather than putting it back. */
export function endsJob({ kind }: Outcome): boolean {
  return kind === "complete" || kind === "fail";
}

/** The state that an outcome leaves its job in; of one that is put back, once it is due. */
export function stateAfter({ kind }: Outcome): JobState {
  if (kind === "complete") return "completed";
  return kind === "fail" ? "failed" : "available";
}

/** The handler returned; `result` is JSON text. */
export interface Completed {
  readonly kind: "complete";
  readonly result: string | null;
  /** What else the completion writes: such a one goes in a batch of its own. */
  readonly statements?: readonly SqlStatement[];
}

/** The last attempt failed. */
export interface Failed {
  readonly kind: "fail";
  readonly error: JobError;
}

/** What a handler said about its job on the way; JSON texts. */
export interface Report {
  /** The new payload, from `update`. */
  readonly payload?: string;
  /** The new progress, from `progress`. */
  readonly progress?: string;
  /** New lines, from `log`. */
  readonly logs?: readonly LogChunk[];
}

/** Some lines, as a JSON array, with an id that makes saving them twice harmless. */
export interface LogChunk {
  readonly id: string;
  readonly lines: string;
}

/** An outcome or a report together with the lease that gives the right to it. */
export interface Held {
  /** The job. */
  readonly id: string;
  /** The job's queue. */
  readonly queue: string;
  /** The lease under which it was claimed. */
  readonly lease: string;
  /** What the handler left to be saved. */
  readonly report?: Report;
}

/** The end of an attempt, to be handed in. */
export interface Settlement extends Held {
  /** How it ended. */
  readonly outcome: Outcome;
  /** How long the job stays readable once ended; `null` for ever, 0 removes it as it ends. */
  readonly retentionMs: number | null;
}

/** What will never be stored, for what is in it. */
export interface Refused {
  /** Why reports were dropped. */
  readonly dropped?: readonly ErrandError[];
  /** By the job: the failures that were stored in the place of outcomes. */
  readonly failed?: ReadonlyMap<string, JobError>;
}
