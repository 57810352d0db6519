/**
 * Adding unique jobs. Who holds a key, an index decides: nothing is looked up before the write.
 *
 * @module
 */
import type { EnqueueAnswer, NewJob } from "../broker.ts";
import type { UniqueConflict, UniqueRule } from "../unique.ts";
import type { Result, Statement, Value } from "./driver/driver.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS, NOW } from "./sql.ts";

/** The condition of the index on keys, word for word: otherwise SQLite would not use it. */
const HOLDS = `unique_key IS NOT NULL AND CASE unique_scope
      WHEN 'waiting' THEN started_at IS NULL AND ended_at IS NULL
      WHEN 'live' THEN ended_at IS NULL
      ELSE true END`;

/** Ends the windows that are over; `?2` is `[[id, key, payload], …]`, as in all that follows. */
const EXPIRE_KEYS = `
  UPDATE errand_job SET unique_key = NULL
  WHERE unique_key IN (SELECT value ->> 1 FROM json_each(?2)) AND unique_until <= ${NOW}
    AND ${HOLDS}`;

/** The id comes first, so that a repeated enqueue does not take itself for another job. */
function insertSql(onConflict: string): string {
  return `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, max_attempts, created_at,
    parent_id, payload, options, meta, unique_key, unique_scope, unique_until)
  SELECT value ->> 0, ?3, ?4,
    CASE WHEN coalesce(?6, ${NOW} + ?7) <= ${NOW} THEN 'available' ELSE 'scheduled' END,
    ?5, coalesce(?6, ${NOW} + ?7), ?8, ${NOW}, ?9,
    value -> 2, ?10, ?11, value ->> 1, ?12, ${NOW} + ?13
  FROM json_each(?2)
  WHERE true ON CONFLICT (id) DO NOTHING ON CONFLICT (unique_key) WHERE ${HOLDS} ${onConflict}`;
}

const WAITS = "state IN ('scheduled', 'available')";

const INSERTS: Readonly<Record<UniqueConflict, string>> = {
  ignore: insertSql("DO NOTHING"),
  replace: insertSql(`DO UPDATE SET payload = excluded.payload WHERE ${WAITS}`),
  reschedule: insertSql(
    `DO UPDATE SET run_at = excluded.run_at, state = excluded.state WHERE ${WAITS}`,
  ),
};

const CREATED_AMONG = `
  SELECT coalesce(
    (SELECT created_at FROM errand_job WHERE id IN (SELECT value FROM json_each(?2)) LIMIT 1),
    ${NOW})`;

/** For `[[id, key], …]`: the id of what was not added, and the job that holds its key. */
const DUPLICATES = `
  SELECT ${JOB_COLUMNS}, asked FROM (
    SELECT value ->> 0 AS asked, value ->> 1 AS asked_key FROM json_each(?1)
    WHERE NOT EXISTS (SELECT 1 FROM errand_job WHERE errand_job.id = value ->> 0))
  CROSS JOIN errand_job ON unique_key = asked_key AND ${HOLDS}`;

/** The key of a job that comes to life again: given up when another job holds it by now. */
export const KEY_UNLESS_TAKEN = `CASE WHEN EXISTS (
      SELECT 1 FROM errand_job AS holder
      WHERE holder.unique_key = errand_job.unique_key AND holder.id <> errand_job.id
        AND ${HOLDS}) THEN NULL ELSE unique_key END`;

/** One job as a member of a statement's JSON array. */
export function uniqueMember(id: string, key: string, payload: string): string {
  return `[${JSON.stringify(id)},${JSON.stringify(key)},${payload}]`;
}

/** The statements for jobs of equal terms; `args` are those of a plain insert. */
export function insertUnique(
  { scope, windowMs, onConflict }: UniqueRule,
  args: readonly Value[],
): Statement[] {
  return [
    { sql: EXPIRE_KEYS, args: args.slice(0, 2) },
    { sql: INSERTS[onConflict], args: [...args, scope, windowMs] },
  ];
}

/** Whether `job` may be kept away by another. */
export function isUnique(job: NewJob): job is NewJob & { readonly uniqueKey: string } {
  return job.uniqueKey !== undefined;
}

/** Asks what came of `jobs`: to be run right after their inserts, in the same transaction. */
export function uniqueQuestions(now: number | null, jobs: readonly NewJob[]): Statement[] {
  const keys = jobs.filter(isUnique).map(({ id, uniqueKey }) => [id, uniqueKey]);
  return [
    { sql: CREATED_AMONG, args: [now, JSON.stringify(jobs.map(({ id }) => id))] },
    { sql: DUPLICATES, args: [JSON.stringify(keys)] },
  ];
}

/** What a batch came to that ends with {@linkcode uniqueQuestions}. */
export function uniqueAnswer(results: readonly Pick<Result, "rows">[]): EnqueueAnswer {
  const [created, found] = results.slice(-2);
  return {
    createdAtMs: Number(created!.rows[0]![0]),
    duplicates: new Map(found!.rows.map((row) => [row[row.length - 1] as string, toJob(row)])),
  };
}
