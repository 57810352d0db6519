/**
 * Rows of the job table as jobs.
 *
 * @module
 */
import type { ClaimedJob } from "../broker.ts";
import { decode } from "../codec.ts";
import type { Job, JobError, JobState, Occurrence } from "../job.ts";
import type { Row, Value } from "./driver/driver.ts";

/** The job of a row with the columns `JOB_COLUMNS`. */
export function toJob(row: Row): Job {
  const errors = (decode(row[7] as string | null) ?? []) as JobError[];
  const error = errors[errors.length - 1];
  const state = row[3] as JobState;
  return {
    id: row[0] as string,
    task: row[1] as string,
    queue: row[2] as string,
    state,
    priority: Number(row[4]),
    payload: decode(row[5] as string),
    ...(state === "completed" && { result: decode(row[6] as string | null) ?? null }),
    ...(error !== undefined && { error }),
    errors,
    attempt: Number(row[8]),
    ...present("maxAttempts", row[9]),
    runAt: new Date(Number(row[10])),
    createdAt: new Date(Number(row[11])),
    ...(row[12] !== null && { startedAt: new Date(Number(row[12])) }),
    ...(row[13] !== null && { endedAt: new Date(Number(row[13])) }),
    ...(row[14] !== null && { progress: decode(row[14] as string) }),
    ...(row[15] !== null && { meta: decode(row[15] as string) as Record<string, unknown> }),
    ...present("parentId", row[16]),
    ...toOccurrence(row[17] as string | null),
  };
}

function toOccurrence(text: string | null): { readonly schedule?: Occurrence } {
  if (text === null) return {};
  const { name, at } = JSON.parse(text) as { name: string; at: number };
  return { schedule: { name, at: new Date(at) } };
}

function present<Key extends string>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, never>> {
  return value === null || value === undefined ? {} : { [key]: value } as Record<Key, never>;
}

/**
 * The columns of {@linkcode toClaimedJobs}. What jobs have in common comes as one text: each value
 * that crosses from the addon costs more than to read it.
 */
export const CLAIMED_COLUMNS: string = "errand_job.id, payload, run_at, created_at, " +
  "json_array(task, queue, priority, attempt, max_attempts, parent_id, options, meta)";

type Shared = readonly [
  task: string,
  queue: string,
  priority: number,
  attempt: number,
  maxAttempts: number | null,
  parentId: string | null,
  options: string | null,
  meta: string | null,
];

/** The claimed jobs of rows with the columns {@linkcode CLAIMED_COLUMNS}. */
export function toClaimedJobs(rows: readonly Row[], lease: string): ClaimedJob[] {
  const known = new Map<string, Shared>();
  return rows.map((row) => {
    const text = row[4] as string;
    let shared = known.get(text);
    if (shared === undefined) known.set(text, shared = JSON.parse(text) as Shared);
    const [task, queue, priority, attempt, maxAttempts, parentId, options, meta] = shared;
    return {
      id: row[0] as string,
      lease,
      task,
      queue,
      priority,
      attempt,
      maxAttempts,
      runAtMs: Number(row[2]),
      createdAtMs: Number(row[3]),
      parentId,
      payload: row[1] as string,
      options,
      meta,
    };
  });
}
