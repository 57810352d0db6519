/**
 * Single jobs, by hand: their logs, and changing them.
 *
 * @module
 */
import type { Changed, Retentions } from "../broker.ts";
import type { LogLine } from "../job.ts";
import type { Driver, Result } from "./driver/driver.ts";
import { firstJob, GET, get } from "./jobs.ts";
import { expiry, NOW, SPENT, tally } from "./sql.ts";
import { SCOPE_UNLESS_TAKEN } from "./unique.ts";

const LOGS = "SELECT lines FROM errand_log WHERE job_id = ?1 ORDER BY id";

/** What the job's handlers logged, oldest first. */
export async function logs(driver: Driver, id: string): Promise<readonly LogLine[]> {
  const [result] = await driver.read([{ sql: LOGS, args: [id] }]);
  const lines = result!.rows.flatMap(([lines]) => JSON.parse(lines as string) as LogLine[]);
  return lines.sort((a, b) => a.attempt - b.attempt || a.at - b.at); // ids need not be in order
}

const LIVE = "state IN ('scheduled', 'available', 'running')";
/** What an ended job is in. */
export const ENDED = "state IN ('completed', 'failed', 'cancelled')";

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
