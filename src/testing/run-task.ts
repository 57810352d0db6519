/**
 * One attempt of a task, without a database.
 *
 * @module
 */
import { Attempt } from "../attempt.ts";
import { type Clock, systemClock } from "../clock.ts";
import { decode, encode } from "../codec.ts";
import { newId } from "../id.ts";
import type { JobError, LogLine } from "../job.ts";
import type { Outcome, Report } from "../outcome.ts";
import { parse } from "../schema.ts";
import type { SqlStatement } from "../statement.ts";
import type { RunningJob, Task } from "../task.ts";

/** What the attempt is told. */
export interface RunTaskOptions {
  /** What the handler sees of its job. */
  readonly job?: Partial<
    Pick<RunningJob, "id" | "attempt" | "meta" | "priority" | "parentId" | "schedule">
  >;
  /** Aborts the attempt, as a cancelled job would. */
  readonly signal?: AbortSignal;
  /** Where time comes from. @default the system's */
  readonly clock?: Clock;
}

/** What came of the attempt. */
export interface AttemptResult<Result> {
  /** What would be stored as the job's next state. */
  readonly outcome: "completed" | "failed" | "retried" | "snoozed" | "cancelled";
  /** What the handler returned, as it would be read back. */
  readonly result?: Result;
  /** What it completed its job with: here they are not run. */
  readonly statements?: readonly SqlStatement[];
  /** What it threw. */
  readonly error?: JobError;
  /** How long until the job runs again, when it was retried or snoozed. */
  readonly delayMs?: number;
  /** What it logged. */
  readonly logs: readonly string[];
  /** What it reported last. */
  readonly progress?: unknown;
  /** The payload, with the handler's updates. */
  readonly payload: unknown;
}

/**
 * Runs a task's handler once, by the code that workers use: the payload is checked and goes
 * through JSON, the timeout holds, the result must be JSON.
 *
 * @throws {ErrandError} `INVALID_INPUT` when the payload could not be enqueued.
 */
export async function runTask<In, Parsed, Result>(
  task: Task<In, Parsed, Result>,
  payload?: NoInfer<In>,
  options: RunTaskOptions = {},
): Promise<AttemptResult<Result>> {
  const { job = {}, signal, clock = systemClock } = options;
  const { text } = encode(payload, { what: "payload", limitBytes: Infinity });
  await parse(task.input, payload, `run task "${task.name}"`);
  const { attempt, outcome } = await new Promise<{ attempt: Attempt; outcome?: Outcome }>(
    (resolve) => {
      const attempt = new Attempt(
        {
          id: job.id ?? newId(),
          lease: newId(),
          task: task.name,
          queue: task.queue,
          priority: job.priority ?? task.priority,
          attempt: job.attempt ?? 1,
          maxAttempts: null,
          runAtMs: clock.now(),
          createdAtMs: clock.now(),
          parentId: job.parentId ?? null,
          payload: text,
          options: job.schedule === undefined ? null : JSON.stringify({ schedule: job.schedule }),
          meta: job.meta === undefined ? null : JSON.stringify(job.meta),
        },
        task as Task,
        {
          clock,
          payloadLimitBytes: Infinity,
          retentionMs: null,
          policies: new Map(),
          settle: (attempt, outcome) =>
            resolve(outcome === undefined ? { attempt } : { attempt, outcome }),
          report: () => {},
          commit: () => Promise.resolve({ kind: "stored" }),
        },
      );
      signal?.addEventListener("abort", () => attempt.abort("cancelled"));
      attempt.start();
      attempt.watchTimeout();
      if (signal?.aborted) attempt.abort("cancelled");
    },
  );
  return toResult<Result>(outcome, attempt.unsaved(), decode(text));
}

const NAMES = {
  complete: "completed",
  fail: "failed",
  retry: "retried",
  snooze: "snoozed",
  release: "cancelled",
} as const;

function toResult<Result>(
  outcome: Outcome | undefined,
  report: Report | undefined,
  payload: unknown,
): AttemptResult<Result> {
  const lines = (report?.logs ?? []).flatMap(({ lines }) => JSON.parse(lines) as LogLine[]);
  return {
    outcome: outcome === undefined ? "cancelled" : NAMES[outcome.kind],
    ...(outcome?.kind === "complete" && { result: (decode(outcome.result) ?? null) as Result }),
    ...(outcome?.kind === "complete" && outcome.statements !== undefined &&
      { statements: outcome.statements }),
    ...(outcome !== undefined && "error" in outcome && outcome.error !== undefined &&
      { error: outcome.error }),
    ...(outcome !== undefined && "delayMs" in outcome && outcome.delayMs !== undefined &&
      { delayMs: outcome.delayMs }),
    logs: lines.map(({ message }) => message),
    ...(report?.progress !== undefined && { progress: decode(report.progress) }),
    payload: report?.payload === undefined ? payload : decode(report.payload),
  };
}
