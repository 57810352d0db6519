/**
 * Errand: a durable job queue in one libSQL database, on Node, Bun, Deno and Cloudflare Workers.
 *
 * @example
 * ```ts
 * import { defineTask, Errand } from "errand";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * await using errand = await Errand.open({ url: "file:errand.db", tasks: [greet] });
 * await errand.enqueue(greet);
 * console.log(await errand.worker().drain());
 * ```
 *
 * @module
 */
export { Errand } from "./src/errand.ts";
export { ErrandVerbs } from "./src/verbs.ts";
export type { Usage } from "./src/broker.ts";
export type {
  EnqueueEntries,
  EnqueueEntry,
  EntryPayload,
  RetryJobOptions,
  Waited,
  WaitOptions,
} from "./src/calls.ts";
export { CHANGE_EVENTS } from "./src/change.ts";
export type { ChangeEvent, JobChange, Watch, WatchFilter, WatchOptions } from "./src/change.ts";
export { HistoryVerbs } from "./src/history-verbs.ts";
export type { BulkFilter, BulkOptions, BulkResult } from "./src/bulk.ts";
export type { CloneOverrides } from "./src/calls.ts";
export type { Isolate, IsolateOptions } from "./src/isolate.ts";
export type { ErrandOptions, VerbOptions } from "./src/options.ts";
export type {
  EncryptionKey,
  EncryptionKeyEntry,
  EncryptionOptions,
} from "./src/encryption/options.ts";
export {
  type AbortReason,
  AttemptAborted,
  defineTask,
  type EnqueueOptions,
  type Enqueuer,
  type JobPolicy,
  type PayloadArguments,
  type Policy,
  type Retention,
  type Returned,
  type RunningJob,
  type Snoozed,
  type Task,
  type TaskContext,
  type TaskOptions,
} from "./src/task.ts";
export { Worker } from "./src/worker.ts";
export type { StopOptions, WorkerOptions } from "./src/worker-options.ts";
export type { DrainWorkerOptions, StopWorkerOptions, Workers } from "./src/workers.ts";
export type {
  WorkerEnd,
  WorkerInfo,
  WorkerPage,
  WorkerProcess,
  WorkerState,
} from "./src/worker-info.ts";
export type { SlotOptions } from "./src/slots.ts";
export type { RunOptions } from "./src/run.ts";
export type { NudgeOptions, NudgeTarget } from "./src/nudge.ts";
export type {
  AttemptCounts,
  DrainEnd,
  DrainOptions,
  DrainSummary,
  RunSummary,
} from "./src/drain.ts";
export type {
  CompleteOptions,
  Completion,
  SqlStatement,
  SqlValue,
  StatementInput,
} from "./src/statement.ts";
export type { JobsStatements, JobStatements, Statements } from "./src/statements.ts";
export type { JoinedResult, JoinedTransaction, JoinOptions } from "./src/transaction.ts";
export { isEnded, JOB_STATES } from "./src/job.ts";
export type {
  EnqueuedJob,
  FieldValue,
  Job,
  JobError,
  JobErrorCode,
  JobFilter,
  JobPage,
  JobState,
  ListOptions,
  Lock,
  LogLine,
  Occurrence,
  QueueStats,
  StateCounts,
  Stats,
} from "./src/job.ts";
export type { Backoff, DelayFunction, RetryOptions, RetryPolicy } from "./src/backoff.ts";
export type { UniqueConflict, UniqueOptions, UniqueRule, UniqueScope } from "./src/unique.ts";
export type { Duration, Instant } from "./src/duration.ts";
export { ErrandError, type ErrandErrorOptions, type ErrorCode, type Issue } from "./src/errors.ts";
export type { AttemptRef, ErrandEvents, EventName, JobRef, Listener } from "./src/events.ts";
export type { Logger, LogLevel } from "./src/logger.ts";
export type { Flat, Jsonified, JsonifiedObject } from "./src/jsonified.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./src/schema.ts";
export type { Queues } from "./src/queues.ts";
export type { PageOptions } from "./src/page.ts";
export type { Schedules } from "./src/schedules.ts";
export type { Overlap, Schedule, SchedulePage, ScheduleState } from "./src/schedule.ts";
export type { ScheduleOptions, ScheduleTimes } from "./src/schedule-options.ts";
export type { RunNowOptions } from "./src/schedule-verbs.ts";
export type { CatchUp, NextRun, NextRuns } from "./src/recurrence.ts";
export type {
  LibsqlClient,
  LibsqlResult,
  LibsqlStatement,
  LibsqlTransaction,
} from "./src/store/driver/client.ts";
export type { Synchronous } from "./src/store/driver/local.ts";
export type { Clock } from "./src/clock.ts";
