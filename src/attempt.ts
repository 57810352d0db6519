/**
 * One attempt: from a claimed job through its handler to one outcome. No loop, no database.
 *
 * @module
 */
import type { ClaimedJob } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { decode, encode } from "./codec.ts";
import type { Commit, CommitEnd } from "./commit.ts";
import { completed, type Completing, completing } from "./completion.ts";
import { Context } from "./context.ts";
import { isCrashed } from "./crash.ts";
import { type Duration, durationMs } from "./duration.ts";
import { ErrandError, invalid, show } from "./errors.ts";
import { newId } from "./id.ts";
import type { JobErrorCode, LogLine } from "./job.ts";
import { toJobError } from "./job-error.ts";
import type { Completed, LogChunk, Outcome, Report } from "./outcome.ts";
import { isRefused, parseInput } from "./parse-input.ts";
import { afterFailure, type EffectivePolicy, effectivePolicy, withMaxAttempts } from "./policy.ts";
import { parse } from "./schema.ts";
import type { CompleteOptions, Completion } from "./statement.ts";
import { type AbortReason, AttemptAborted, type Policy, type Snoozed, type Task } from "./task.ts";

/** What attempts of one worker share. */
export interface AttemptHost {
  readonly clock: Clock;
  readonly payloadLimitBytes: number;
  readonly retentionMs: number | null;
  /** What holds for jobs of a task that say nothing of their own: made once a task. */
  readonly policies: Map<Task, EffectivePolicy>;
  /** Called once, with the outcome; `undefined` when the job is no longer this attempt's. */
  settle(attempt: Attempt, outcome: Outcome | undefined, reason?: AbortReason): void;
  /** Stores a completion that has statements; an aborted `signal` asks it to come to an end. */
  commit(commit: Commit, signal: AbortSignal): Promise<CommitEnd>;
  /** There is something to report before the outcome. */
  report(attempt: Attempt): void;
}

const NO_LOGS: readonly LogChunk[] = [];
/** The most lines that an attempt may log, and the longest that one may be. */
export const LOG_LINES_MAX = 1_000;
/** See {@linkcode LOG_LINES_MAX}. */
export const LOG_LINE_MAX_LENGTH = 2_000;

/** A claimed job with its handler. */
export class Attempt {
  /** The job as it was claimed. */
  readonly job: ClaimedJob;
  /** What holds for the job. */
  readonly policy: EffectivePolicy;
  /** When the handler was called, by the clock's `elapsedMs`. */
  startedMs = 0;
  /** The job's payload, with the handler's updates. */
  payload: unknown;

  readonly #task: Task;
  readonly #host: AttemptHost;
  #settled = false;
  #controller: AbortController | undefined;
  #abortReason: AttemptAborted | undefined;
  #cancelTimeout: (() => void) | undefined;
  #snoozeMs: number | undefined;
  #completing: Completing | undefined;
  #commit: AbortController | undefined;
  #newPayload: string | undefined;
  #newProgress: string | undefined;
  #newLogs: readonly LogChunk[] = NO_LOGS;
  #newLines: LogLine[] | undefined;
  #lineCount = 0;

  /** Does not begin yet: see {@linkcode start}. */
  constructor(job: ClaimedJob, task: Task, host: AttemptHost) {
    this.job = job;
    this.policy = attemptPolicy(job, task, host);
    this.#task = task;
    this.#host = host;
  }

  /** Calls the handler; the host hears of the outcome. */
  start(): void {
    this.startedMs = this.#host.clock.elapsedMs();
    void this.#run();
  }

  /**
   * Starts the timeout. The host calls it a turn after {@linkcode start}: many handlers are done
   * by then, and need none.
   */
  watchTimeout(): void {
    if (this.#settled) return;
    const { clock } = this.#host;
    const tookMs = clock.elapsedMs() - this.startedMs;
    const leftMs = this.policy.timeoutMs - tookMs;
    this.#cancelTimeout = clock.timer(leftMs, () => this.abort("timeout"));
  }

  /** Ends the attempt from outside; the handler's signal aborts and its result is ignored. */
  abort(reason: AbortReason): void {
    if (this.#settled) return;
    if (this.#commit !== undefined) { // the handler has returned: its batch says what becomes of it
      if (reason === "shutdown") this.#commit.abort();
      return;
    }
    const aborted = new AttemptAborted(reason, this.#abortMessage(reason));
    this.#settle(abortOutcome(reason, () => this.#failed(aborted, "TIMEOUT")), reason);
    this.#controller?.abort(aborted);
    this.#abortReason = aborted;
  }

  /** What the handler said that is not known to be saved. */
  unsaved(): Report | undefined {
    if (this.#newLines !== undefined) {
      this.#newLogs = [...this.#newLogs, { id: newId(), lines: JSON.stringify(this.#newLines) }];
      this.#newLines = undefined;
    }
    const payload = this.#newPayload;
    const progress = this.#newProgress;
    const logs = this.#newLogs;
    if (payload === undefined && progress === undefined && logs.length === 0) return undefined;
    return {
      ...(payload !== undefined && { payload }),
      ...(progress !== undefined && { progress }),
      ...(logs.length > 0 && { logs }),
    };
  }

  /** `report` was saved: what was said since then is still to be. */
  saved({ payload, progress, logs = NO_LOGS }: Report): void {
    if (payload === this.#newPayload) this.#newPayload = undefined;
    if (progress === this.#newProgress) this.#newProgress = undefined;
    this.#newLogs = this.#newLogs.filter((chunk) => !logs.includes(chunk));
  }

  async #run(): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await this.#handle();
      if (outcome.kind === "complete" && outcome.statements !== undefined && !this.#settled) {
        return await this.#store(outcome);
      }
    } catch (error) {
      outcome = this.#failed(error, "HANDLER");
    }
    this.#settle(outcome);
  }

  async #handle(): Promise<Outcome> {
    const { id, locked } = this.job;
    if (locked !== undefined) {
      const fact = `Cannot decrypt the payload of job ${id}: ${locked.message}`;
      return this.#failed(new Error(fact), "LOCKED");
    }
    this.payload = decode(this.job.payload);
    const parsed = parseInput(this.#task, this.payload);
    const input = parsed instanceof Promise ? await parsed : parsed;
    const value = await this.#task.run(new Context(this, input));
    const limitBytes = this.#host.payloadLimitBytes;
    if (this.#completing !== undefined) return completed(this.#completing, value, limitBytes);
    if (this.#snoozeMs !== undefined) return this.#snoozed(value, this.#snoozeMs);
    if (value === undefined) return { kind: "complete", result: null };
    return { kind: "complete", result: encode(value, { what: "result", limitBytes }).text };
  }

  /** By a batch of its own, with the statements. */
  async #store(outcome: Completed): Promise<void> {
    this.#commit = new AbortController();
    const { id, queue, lease } = this.job;
    const report = this.unsaved();
    const { retentionMs } = this.policy;
    const commit = { id, queue, lease, outcome, retentionMs, ...(report && { report }) };
    const end = await this.#host.commit(commit, this.#commit.signal);
    if (end.kind === "stored") return this.#settle(outcome);
    if (end.kind === "refused") return this.#settle(this.#failed(end.error, "HANDLER"));
    if (end.kind === "unknown") return this.#settle({ kind: "release" });
    this.#settle(undefined, end.cancelled ? "cancelled" : "lease-lost");
  }

  /** A result beside a snooze would be dropped, and its work done again: a mistake to be heard. */
  #snoozed(value: unknown, delayMs: number): Outcome {
    if (value === undefined || value === SNOOZED) return { kind: "snooze", delayMs };
    throw new TypeError(
      `The handler of task "${this.job.task}" called snooze and returned something else: ` +
        `return what snooze returns, or do not call it`,
    );
  }

  #settle(outcome: Outcome | undefined, reason?: AbortReason): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelTimeout?.();
    this.#host.settle(this, outcome, reason);
  }

  #failed(thrown: unknown, code: JobErrorCode): Outcome {
    const { attempt } = this.job;
    const { clock } = this.#host;
    const refused = isRefused(thrown);
    const error = toJobError(refused ? thrown.cause : thrown, {
      code: refused ? "INVALID_INPUT" : isCrashed(thrown) ? "CRASHED" : code,
      attempt,
      at: clock.now(),
    });
    return afterFailure(this.policy, error, () => clock.random());
  }

  #abortMessage(reason: AbortReason): string {
    switch (reason) {
      case "timeout":
        return `The attempt took longer than its timeout of ${this.policy.timeoutMs} ms`;
      case "cancelled":
        return "The job was cancelled";
      case "lease-lost":
        return "The lease expired and the job was given to another worker, or removed";
      case "shutdown":
        return "The worker is stopping";
    }
  }

  /** See {@linkcode Context}; so for the next five. */
  signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  progress(value: unknown): void {
    const limitBytes = this.#host.payloadLimitBytes;
    this.#newProgress = encode(value, { what: "progress", limitBytes }).text;
    this.#reported();
  }

  log(message: string): void {
    if (++this.#lineCount > LOG_LINES_MAX) return;
    const last = this.#lineCount === LOG_LINES_MAX;
    const text = last ? "(later lines of this attempt are dropped)" : String(message);
    (this.#newLines ??= []).push({
      at: this.#host.clock.now(),
      attempt: this.job.attempt,
      message: text.slice(0, LOG_LINE_MAX_LENGTH),
    });
    this.#reported();
  }

  snooze(duration: Duration): Snoozed {
    this.#snoozeMs = durationMs(duration, "the duration of snooze");
    return SNOOZED;
  }

  complete(options: CompleteOptions<unknown>): Completion {
    return (this.#completing = completing(this.job.id, options)).value;
  }

  async update(patch: Readonly<Record<string, unknown>>): Promise<void> {
    if (!isRecord(patch) || !isRecord(this.payload)) {
      throw invalid(
        `Cannot update job ${this.job.id}: ` +
          `${isRecord(patch) ? "its payload" : show(patch)} is no object to be laid over another`,
      );
    }
    const limitBytes = this.#host.payloadLimitBytes;
    const proposed = { ...this.payload, ...patch };
    const { text } = encode(proposed, { what: "payload", limitBytes });
    await parse(this.#task.input, decode(text), `update job ${this.job.id}`);
    if (this.#settled) {
      throw new ErrandError(
        "LEASE_LOST",
        `Cannot update job ${this.job.id}: this attempt has ended`,
      );
    }
    this.payload = { ...(this.payload as object), ...patch };
    this.#newPayload = encode(this.payload, { what: "payload", limitBytes }).text;
    this.#reported();
  }

  #reported(): void {
    if (!this.#settled) this.#host.report(this);
  }
}

/** The value that `snooze` returns; that it was called is what counts. */
const SNOOZED: Snoozed = Object.freeze({ snoozed: true });

function abortOutcome(reason: AbortReason, failed: () => Outcome): Outcome | undefined {
  switch (reason) {
    case "timeout":
      return failed();
    case "shutdown":
      return { kind: "release" };
    default:
      return undefined; // the job is no longer ours: there is nothing to hand in
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const NO_POLICY: Policy = {};

function attemptPolicy(job: ClaimedJob, task: Task, host: AttemptHost): EffectivePolicy {
  const { policies, retentionMs } = host;
  const own = job.options === null ? NO_POLICY : decode(job.options) as Policy;
  const known = own === NO_POLICY ? policies.get(task) : undefined;
  const policy = known ?? effectivePolicy(task, own, retentionMs);
  if (own === NO_POLICY) policies.set(task, policy);
  return withMaxAttempts(policy, job);
}
