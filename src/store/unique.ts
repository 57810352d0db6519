/**
 * Adding unique jobs. Who holds a key, an index decides: nothing is looked up before the write.
 *
 * @module
 */
import type { UniqueConflict, UniqueRule } from "../unique.ts";
import type { Job } from "../job.ts";
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

/** Asks which of the jobs were not added; to be run after the inserts, in their transaction. */
export function duplicatesStatement(keys: readonly (readonly [string, string])[]): Statement {
  return { sql: DUPLICATES, args: [JSON.stringify(keys)] };
}

/** The answer of {@linkcode duplicatesStatement}: by the id asked for, the job that is there. */
export function duplicates(result: Result): ReadonlyMap<string, Job> {
  return new Map(result.rows.map((row) => [row[row.length - 1] as string, toJob(row)]));
}
