/**
 * Single jobs: looking at them and changing them by hand.
 *
 * @module
 */
import type { Changed, Ended, ListQuery, Retentions } from "../broker.ts";
import type { Job, JobPage, LogLine } from "../job.ts";
import type { Driver, Result, Statement } from "./driver/driver.ts";
import { fieldSource, filterSql, SOURCES, stateSql } from "./filter.ts";
import { toJob } from "./rows.ts";
import { expiry, JOB_COLUMNS, NOW, SPENT, tally } from "./sql.ts";
import { SCOPE_UNLESS_TAKEN } from "./unique.ts";

const GET = `SELECT ${JOB_COLUMNS} FROM errand_job WHERE id = ?1`;

/** The job, if there is one. */
export async function get(driver: Driver, id: string): Promise<Job | undefined> {
  const [result] = await driver.read([{ sql: GET, args: [id] }]);
  return firstJob(result);
}

function firstJob(result: Result | undefined): Job | undefined {
  const row = result?.rows[0];
  return row === undefined ? undefined : toJob(row);
}

const GET_MANY = `
  SELECT ${JOB_COLUMNS} FROM errand_job WHERE id IN (SELECT value FROM json_each(?1))`;

/** Those of `ids` that there are. */
export async function getMany(driver: Driver, ids: readonly string[]): Promise<readonly Job[]> {
  const [result] = await driver.read([{ sql: GET_MANY, args: [JSON.stringify(ids)] }]);
  return result!.rows.map(toJob);
}

const ENDED_AMONG = `
  SELECT ${JOB_COLUMNS} FROM errand_job
  WHERE id IN (SELECT value FROM json_each(?1)) AND ended_at IS NOT NULL`;

const MISSING_AMONG = `
  SELECT value FROM json_each(?1)
  WHERE NOT EXISTS (SELECT 1 FROM errand_job WHERE errand_job.id = value)`;

/** Those of `ids` that have ended, and those that there are none of. */
export async function ended(driver: Driver, ids: readonly string[]): Promise<Ended> {
  const args = [JSON.stringify(ids)];
  const [jobs, missing] = await driver.read([
    { sql: ENDED_AMONG, args },
    { sql: MISSING_AMONG, args },
  ]);
  return {
    jobs: new Map(jobs!.rows.map(toJob).map((job) => [job.id, job])),
    missing: new Set(missing!.rows.map(([id]) => id as string)),
  };
}

const LOGS = "SELECT lines FROM errand_log WHERE job_id = ?1 ORDER BY id";

/** What the job's handlers logged, oldest first. */
export async function logs(driver: Driver, id: string): Promise<readonly LogLine[]> {
  const [result] = await driver.read([{ sql: LOGS, args: [id] }]);
  const lines = result!.rows.flatMap(([lines]) => JSON.parse(lines as string) as LogLine[]);
  return lines.sort((a, b) => a.attempt - b.attempt || a.at - b.at); // ids need not be in order
}

const LIVE = "state IN ('scheduled', 'available', 'running')";
const ENDED = "state IN ('completed', 'failed', 'cancelled')";

const CANCEL = `
  UPDATE errand_job SET state = 'cancelled', ended_at = ${NOW}, lease_id = NULL,
    expire_at = ${expiry("?3")}
  WHERE id = ?2 AND ${LIVE}`;

const COUNT_CANCELLED = tally(`
  SELECT queue, state, 1 FROM errand_job WHERE id = ?1 AND changes() = 1`);

const UNCOUNT_SPENT = tally(`SELECT queue, state, -1 FROM errand_job WHERE id = ?1 AND ${SPENT}`);
const REMOVE_SPENT = `DELETE FROM errand_job WHERE id = ?1 AND ${SPENT}`;
const REMOVE_SPENT_LOGS = `
  DELETE FROM errand_log
  WHERE job_id = ?1 AND NOT EXISTS (SELECT 1 FROM errand_job WHERE id = ?1)`;

/** Ends a live job, also a running one: its lease no longer holds it from now on. */
export async function cancel(
  driver: Driver,
  now: number | null,
  id: string,
  retentions: Retentions,
): Promise<Changed> {
  const results = await driver.write([
    { sql: CANCEL, args: [now, id, JSON.stringify(retentions)] },
    ...[COUNT_CANCELLED, GET, UNCOUNT_SPENT, REMOVE_SPENT, REMOVE_SPENT_LOGS]
      .map((sql) => ({ sql, args: [id] })),
  ]);
  return changed(results[0]!, results[2]!);
}

const UNCOUNT_ENDED = tally(`SELECT queue, state, -1 FROM errand_job WHERE id = ?1 AND ${ENDED}`);

/** Makes an ended job live again that is due at `due`. */
export function revived(due: string): string {
  return `
  UPDATE errand_job SET
    state = CASE WHEN ${due} <= ${NOW} THEN 'available' ELSE 'scheduled' END, run_at = ${due},
    attempt = 0, lease_id = NULL, started_at = NULL, ended_at = NULL, expire_at = NULL,
    result = NULL, progress = NULL, unique_scope = ${SCOPE_UNLESS_TAKEN}`;
}

const RETRY = `${revived(`coalesce(?3, ${NOW} + ?4)`)}
  WHERE id = ?2 AND ${ENDED}`;

/** Makes an ended job live again, with all its attempts before it. */
export async function retry(
  driver: Driver,
  now: number | null,
  id: string,
  runAtMs: number | null,
  delayMs: number,
): Promise<Changed> {
  const results = await driver.write([
    { sql: UNCOUNT_ENDED, args: [id] },
    { sql: RETRY, args: [now, id, runAtMs, delayMs] },
    { sql: GET, args: [id] },
  ]);
  const answer = changed(results[1]!, results[2]!);
  const waits = answer.job?.state === "available" || answer.job?.state === "scheduled";
  return results.repeated && waits ? { ...answer, changed: true } : answer;
}

const NOT_RUNNING = "EXISTS (SELECT 1 FROM errand_job WHERE id = ?1 AND state <> 'running')";
const REMOVE_LOGS = `DELETE FROM errand_log WHERE job_id = ?1 AND ${NOT_RUNNING}`;
const REMOVE = "DELETE FROM errand_job WHERE id = ?1 AND state <> 'running'";

/** Removes a job that is not running; answers the job as it was. */
export async function remove(driver: Driver, id: string): Promise<Changed> {
  const before = driver.sameClock ? undefined : await get(driver, id); // an answer may be lost
  const results = await driver.write(
    [GET, UNCOUNT_ENDED, REMOVE_LOGS, REMOVE].map((sql) => ({ sql, args: [id] })),
  );
  const answer = changed(results[3]!, results[0]!);
  const done = results.repeated && before !== undefined && answer.job === undefined;
  return done ? { changed: true, job: before } : answer;
}

function changed(change: Result, found: Result): Changed {
  const job = firstJob(found);
  return { changed: change.changes > 0, ...(job !== undefined && { job }) };
}

/** One page of jobs, by id: jobs that come and go move nothing from one page to another. */
export async function list(driver: Driver, query: ListQuery): Promise<JobPage> {
  const [result] = await driver.read([listStatement(query)]);
  const jobs = result!.rows.slice(0, query.limit).map(toJob);
  const more = result!.rows.length > query.limit;
  return { jobs, ...(more && { cursor: jobs[jobs.length - 1]!.id }) };
}

const NEWEST = { order: "id DESC", beyond: "id < " };
const OLDEST = { order: "id", beyond: "id > " };

/** By the index of a field, or of the only state, or through all jobs in their order. */
function listStatement(query: ListQuery): Statement {
  const { states, limit, after } = query;
  const { order, beyond } = query.order === "newest" ? NEWEST : OLDEST;
  const { conditions, args } = filterSql(query, 2);
  const byField = fieldSource(query);
  const byState = byField === undefined && states.length === 1 ? SOURCES[states[0]!] : undefined;
  const all = [
    byState ?? byField ?? "errand_job WHERE true",
    ...(byState === undefined && states.length > 0 ? [stateSql(states)] : []),
    ...conditions,
    ...(after === null ? [] : [`${beyond}?${2 + args.length}`]),
  ];
  return {
    sql: `SELECT ${JOB_COLUMNS} FROM errand_job WHERE id IN (
      SELECT id FROM ${all.join(" AND ")} ORDER BY ${order} LIMIT ?1) ORDER BY ${order}`,
    args: [limit + 1, ...args, ...(after === null ? [] : [after])],
  };
}
