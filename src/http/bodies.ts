/**
 * The bodies of requests and answers that are about jobs, as schemas.
 *
 * @module
 */
import * as v from "valibot";
import type { RetryOptions } from "../backoff.ts";
import type { BulkFilter } from "../bulk.ts";
import type { Duration } from "../duration.ts";
import { type Job, JOB_STATES } from "../job.ts";
import type { Retention } from "../task.ts";
import {
  anything,
  conditions,
  cursor,
  duration,
  type Field,
  instant,
  jobId,
  name,
  named,
  newUuid,
  oneOrMany,
  record,
  state,
  time,
  whole,
  word,
} from "./fields.ts";
import type { BulkBody, NewJobBody, WaitBody } from "./wire.ts";

/** The most jobs of one request. */
export const JOBS_MAX = 1_000;
/** The most ids of one request. */
export const IDS_MAX = 500;

const some = v.exactOptional;
const text = v.string();
const count = whole(0, Number.MAX_SAFE_INTEGER);

/** Numbers of a retry policy; a function cannot be sent. */
export interface RetryBody extends Omit<RetryOptions, "delay"> {
  readonly delay?: Duration;
}

const retry: Field<RetryBody> = v.strictObject({
  maxAttempts: some(whole(1, 1_000)),
  delay: some(duration),
  backoff: some(word(["none", "linear", "exponential"])),
  maxDelay: some(duration),
  jitter: some(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
});
const retention: Field<Retention> = v.union([v.literal("forever"), duration]);
const unique = v.union([
  v.boolean(),
  v.strictObject({
    fields: some(v.pipe(v.array(text), v.minLength(1), v.maxLength(32))),
    key: some(v.pipe(text, v.minLength(1), v.maxLength(512))),
    scope: some(word(["waiting", "live", "window"])),
    window: some(duration),
    onConflict: some(word(["ignore", "replace", "reschedule"])),
  }),
]);

/** What jobs and schedules say of how their attempts go. */
export const policyEntries: {
  readonly retry: v.ExactOptionalSchema<Field<RetryBody>, undefined>;
  readonly timeout: v.ExactOptionalSchema<Field<Duration>, undefined>;
  readonly retention: v.ExactOptionalSchema<Field<Retention>, undefined>;
} = { retry: some(retry), timeout: some(duration), retention: some(retention) };

/** What a new job may say beside its task and payload. */
const jobEntries = {
  ...policyEntries,
  queue: some(name),
  priority: some(whole(-1_000_000, 1_000_000)),
  delay: some(duration),
  runAt: some(instant),
  meta: some(record),
  parentId: some(name),
  unique: some(unique),
} as const;

/** {@linkcode NewJobBody}. */
export const newJob: Field<NewJobBody> = named(
  "NewJob",
  v.strictObject({
    id: some(newUuid),
    task: name,
    payload: some(anything),
    ...jobEntries,
    onLeaseExpired: some(word(["retry", "fail"])),
  }),
);
/** One of them, or many. */
export const newJobs: Field<NewJobBody | readonly NewJobBody[]> = oneOrMany(newJob, JOBS_MAX);

/** What a clone has otherwise. */
export const clone: Field<Omit<NewJobBody, "id" | "task" | "onLeaseExpired"> | undefined> = v
  .optional(v.strictObject({ id: some(newUuid), payload: some(anything), ...jobEntries }));

const error = named(
  "JobError",
  v.strictObject({
    code: word([
      ...["HANDLER", "TIMEOUT", "LEASE_EXPIRED", "NO_HANDLER", "INVALID_INPUT"] as const,
      ...["LOCKED", "CRASHED"] as const,
    ]),
    name: text,
    message: text,
    stack: some(text),
    attempt: count,
    at: v.number(),
  }),
);
/** Why something encrypted cannot be read. */
export const lock: Field<NonNullable<Job["locked"]>> = v.strictObject({
  code: word(["NO_KEY", "WRONG_KEY", "CHANGED"]),
  message: text,
});

const entries = {
  id: jobId,
  task: text,
  queue: text,
  state,
  priority: v.number(),
  payload: some(anything),
  result: some(anything),
  error: some(error),
  errors: v.array(error),
  locked: some(lock),
  attempt: count,
  maxAttempts: some(count),
  runAt: time,
  createdAt: time,
  startedAt: some(time),
  endedAt: some(time),
  progress: some(anything),
  meta: some(record),
  parentId: some(text),
  schedule: some(v.strictObject({ name: text, at: time })),
} as const;

/** A job as it stands. */
export const job: Field<unknown> = named("Job", v.strictObject(entries));
/** A job as its enqueueing answers it. */
export const enqueued: Field<unknown> = named(
  "EnqueuedJob",
  v.strictObject({ ...entries, enqueued: word(["inserted", "duplicate"]) }),
);
/** Some jobs. */
export const jobs: Field<unknown> = v.strictObject({ jobs: v.array(job) });
/** A page of them. */
export const jobPage: Field<unknown> = v.strictObject({ jobs: v.array(job), cursor: some(cursor) });
/** What is answered to many. */
export const enqueuedMany: Field<unknown> = named(
  "EnqueuedJobs",
  v.strictObject({ jobs: v.array(enqueued) }),
);
/** What is answered where less is preferred. */
export const enqueuedIds: Field<unknown> = named(
  "EnqueuedIds",
  v.strictObject({ ids: v.array(jobId), createdAt: time, duplicates: v.record(text, enqueued) }),
);
/** A job's log. */
export const logs: Field<unknown> = v.strictObject({
  lines: v.array(v.strictObject({ at: v.number(), attempt: count, message: text })),
});

const ids = v.pipe(
  v.array(jobId),
  v.minLength(1, "is empty"),
  v.maxLength(IDS_MAX, `has more than ${IDS_MAX} ids`),
);
/** Which jobs to get. */
export const idsBody: Field<{ readonly ids: readonly string[] }> = v.strictObject({ ids });
/** {@linkcode WaitBody}. */
export const waitBody: Field<WaitBody> = v.strictObject({ ids, wait: some(duration) });
/** Those that have ended. */
export const waited: Field<unknown> = v.strictObject({
  jobs: v.array(job),
  missing: v.array(jobId),
});
/** When a job that is made live again is due. */
export const due: Field<Pick<BulkBody, "delay" | "runAt"> | undefined> = v.optional(
  v.strictObject({ delay: some(duration), runAt: some(instant) }),
);

const filter: Field<BulkFilter> = named(
  "JobFilter",
  v.strictObject({
    all: some(v.literal(true)),
    state: some(v.union([
      state,
      v.pipe(v.array(state), v.minLength(1), v.maxLength(JOB_STATES.length)),
    ])),
    queue: some(name),
    task: some(name),
    parentId: some(name),
    worker: some(name),
    createdAfter: some(instant),
    createdBefore: some(instant),
    meta: some(conditions),
    where: some(conditions),
  }),
);
const bulkEntries = {
  filter,
  limit: some(whole(1, 1_000_000)),
  cursor: some(cursor),
  dryRun: some(v.boolean()),
} as const;
/** {@linkcode BulkBody} of all but retry. */
export const bulk: Field<Omit<BulkBody, "delay" | "runAt">> = v.strictObject(bulkEntries);
/** {@linkcode BulkBody} of retry. */
export const bulkRetry: Field<BulkBody> = v.strictObject({
  ...bulkEntries,
  delay: some(duration),
  runAt: some(instant),
});
/** What a call for many came to. */
export const bulkResult: Field<unknown> = v.strictObject({ count, cursor: some(cursor) });
