/**
 * Adding unique jobs. Who holds a key, an index decides: nothing is looked up before the write.
 *
 * @module
 */
import type { EnqueueAnswer } from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import type { UniqueConflict, UniqueRule, UniqueScope } from "../unique.ts";
import type { Result, Statement, Value } from "./driver/driver.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS, NOW } from "./sql.ts";

/** The conditions of the indexes on keys, word for word: otherwise SQLite would not use them. */
const HOLDS: Readonly<Record<UniqueScope, string>> = {
  waiting: "unique_scope = 'waiting' AND started_at IS NULL AND ended_at IS NULL",
  live: "unique_scope = 'live' AND ended_at IS NULL",
  window: "unique_scope = 'window'",
};

/** Ends the windows that are over; `?2` is `[[id, key, payload], …]`, as in the inserts. */
const EXPIRE_WINDOWS = `
  UPDATE errand_job SET unique_scope = NULL
  WHERE unique_key IN (SELECT value ->> 1 FROM json_each(?2)) AND unique_until <= ${NOW}
    AND ${HOLDS.window}`;

const WAITS = "state IN ('scheduled', 'available')";

const ON_CONFLICT: Readonly<Record<UniqueConflict, string>> = {
  ignore: "DO NOTHING",
  replace: `DO UPDATE SET payload = excluded.payload WHERE ${WAITS}`,
  reschedule: `DO UPDATE SET run_at = excluded.run_at, state = excluded.state WHERE ${WAITS}`,
};

/** The id comes first, so that a repeated enqueue does not take itself for another job. */
function insertSql(scope: UniqueScope, onConflict: UniqueConflict): string {
  return `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, max_attempts, created_at,
    parent_id, payload, options, meta, unique_key, unique_scope, unique_until)
  SELECT value ->> 0, ?3, ?4,
    CASE WHEN coalesce(?6, ${NOW} + ?7) <= ${NOW} THEN 'available' ELSE 'scheduled' END,
    ?5, coalesce(?6, ${NOW} + ?7), ?8, ${NOW}, ?9,
    value -> 2, ?10, ?11, value ->> 1, '${scope}', ${NOW} + ?12
  FROM json_each(?2)
  WHERE true ON CONFLICT (id) DO NOTHING
    ON CONFLICT (unique_key) WHERE ${HOLDS[scope]} ${ON_CONFLICT[onConflict]}`;
}

const CREATED_AMONG = `
  SELECT coalesce(
    (SELECT created_at FROM errand_job WHERE id IN (SELECT value FROM json_each(?2)) LIMIT 1),
    ${NOW})`;

/** For `[[id, key, scope], …]`: the jobs that hold the keys of what was not added. */
export const DUPLICATES: string = (["waiting", "live", "window"] as const).map((scope) => `
  SELECT ${JOB_COLUMNS}, asked FROM (
    SELECT value ->> 0 AS asked, value ->> 1 AS asked_key FROM json_each(?1)
    WHERE value ->> 2 = '${scope}'
      AND NOT EXISTS (SELECT 1 FROM errand_job WHERE errand_job.id = value ->> 0))
  CROSS JOIN errand_job ON unique_key = asked_key AND ${HOLDS[scope]}`).join(" UNION ALL ");

function isTaken(scope: UniqueScope): string {
  return `unique_scope = '${scope}' AND EXISTS (
      SELECT 1 FROM errand_job AS holder
      WHERE holder.unique_key = errand_job.unique_key AND holder.id <> errand_job.id
        AND ${HOLDS[scope]})`;
}

/**
 * The scope of an ended job that comes to life again: none, and so it holds no key, when another
 * job has the key by now. One of scope "window" has never lost it.
 */
export const SCOPE_UNLESS_TAKEN: string = `CASE
      WHEN ${isTaken("waiting")} THEN NULL
      WHEN ${isTaken("live")} THEN NULL
      ELSE unique_scope END`;

/** One job as a member of a statement's JSON array. */
export function uniqueMember(id: string, key: string, payload: string): string {
  return `[${JSON.stringify(id)},${JSON.stringify(key)},${payload}]`;
}

/** The statements for jobs of equal terms; `args` are those of a plain insert. */
export function insertUnique(
  { scope, windowMs, onConflict }: UniqueRule,
  args: readonly Value[],
): Statement[] {
  const insert = { sql: insertSql(scope, onConflict), args: [...args, windowMs] };
  return scope === "window" ? [{ sql: EXPIRE_WINDOWS, args: args.slice(0, 2) }, insert] : [insert];
}

/** Whether `job` may be kept away by another. */
export function isUnique(job: NewJob): job is NewJob & { readonly uniqueKey: string } {
  return job.uniqueKey !== undefined;
}

/** The keys of those that have one: `[[id, key, scope], …]`. */
export function keysOf(jobs: readonly NewJob[]): readonly (readonly string[])[] {
  return jobs.filter(isUnique)
    .map(({ id, uniqueKey, terms }) => [id, uniqueKey, terms.unique!.scope]);
}

/** Asks what came of `jobs`: to be run right after their inserts, in the same transaction. */
export function uniqueQuestions(now: number | null, jobs: readonly NewJob[]): Statement[] {
  return [
    { sql: CREATED_AMONG, args: [now, JSON.stringify(jobs.map(({ id }) => id))] },
    { sql: DUPLICATES, args: [JSON.stringify(keysOf(jobs))] },
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
