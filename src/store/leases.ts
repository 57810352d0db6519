/**
 * Leases: prolonging them while their jobs run, and taking back what expired ones hold.
 *
 * @module
 */
import type {
  HeartbeatAnswer,
  HeartbeatRequest,
  LostJob,
  RescuedJob,
  RescueRequest,
} from "../broker.ts";
import type { JobState } from "../job.ts";
import type { Driver, Result, Statement } from "./driver/driver.ts";
import { beatStatement, commandOf } from "./beat.ts";
import { reportStatements } from "./settle.ts";
import { expiry, NOW, SPENT, tally, withError } from "./sql.ts";

/** One row for each lease, however many jobs it holds. */
const PROLONG = `
  UPDATE errand_lease SET expires_at = ${NOW} + ?3
  WHERE id IN (SELECT value FROM json_each(?2))`;

/** Which of `?1`, `[[id, lease], …]`, that lease does not hold. */
const NOT_HELD = `
  SELECT held.value ->> 0, state FROM json_each(?1) AS held
  LEFT JOIN errand_job ON errand_job.id = held.value ->> 0
  WHERE lease_id IS NOT held.value ->> 1 OR state <> 'running'`;

/**
 * Prolongs leases, saves reports, writes the worker's row, and tells which jobs are no longer held
 * and what the worker is asked to do.
 */
export async function heartbeat(
  driver: Driver,
  now: number | null,
  { leaseMs, leases, held, worker }: HeartbeatRequest,
): Promise<HeartbeatAnswer> {
  const pairs = held.map(({ id, lease }) => [id, lease]);
  const beat = worker === undefined ? [] : [beatStatement(now, worker, leaseMs)];
  const holds: Statement[] = leases.length + held.length === 0 ? [] : [
    { sql: PROLONG, args: [now, JSON.stringify(leases), leaseMs] },
    ...reportStatements(held),
    { sql: NOT_HELD, args: [JSON.stringify(pairs)] },
  ];
  const results = await driver.write([...beat, ...holds]);
  const command = worker && commandOf(results[0]!);
  return {
    lost: holds.length === 0 ? [] : lostJobs(results[results.length - 1]!),
    prolonged: holds.length === 0 ? 0 : results[beat.length]!.changes,
    ...(command !== undefined && { command }),
  };
}

function lostJobs({ rows }: Result): LostJob[] {
  return rows.map(([id, state]) => ({ id: id as string, state: state as JobState | null }));
}

const EXPIRED = `SELECT id FROM errand_lease WHERE expires_at <= ${NOW} LIMIT ?2`;

const NEXT_EXPIRY = `
  SELECT min(expires_at) - ${NOW} FROM errand_lease WHERE expires_at > ${NOW}`;

/** Marks the expired ones among `?2`, so that the statements after it all mean the same leases. */
const CONDEMN = `
  UPDATE errand_lease SET expires_at = 0
  WHERE expires_at <= ${NOW} AND id IN (SELECT value FROM json_each(?2))`;

const CONDEMNED = `
  SELECT listed.value AS listed, errand_lease.id AS lease
  FROM errand_lease, json_each(errand_lease.jobs) AS listed WHERE expires_at = 0`;

/** `?3` is `{"maxAttempts": n, "tasks": {"<name>": {"maxAttempts": n, "fail": bool}}}`. */
const EXHAUSTED = `(
  attempt >= coalesce(max_attempts,
    (SELECT value ->> '$.maxAttempts' FROM json_each(?3, '$.tasks') WHERE key = task),
    ?3 ->> '$.maxAttempts')
  OR options ->> '$.onLeaseExpired' = 'fail'
  OR EXISTS (SELECT 1 FROM json_each(?3, '$.tasks') WHERE key = task AND value ->> '$.fail'))`;

const COUNT_EXHAUSTED = tally(`
  SELECT queue, 'failed', count(*) FROM (${CONDEMNED})
  CROSS JOIN errand_job ON errand_job.id = listed
  WHERE lease_id = lease AND state = 'running' AND ${EXHAUSTED} GROUP BY queue`);

const LEASE_EXPIRED = `json_object('code', 'LEASE_EXPIRED', 'name', 'LeaseExpired',
  'message', 'The worker stopped sending heartbeats: it was killed, cut off, or blocked',
  'attempt', attempt, 'at', ${NOW})`;

/** By `IN`, as a join would make SQLite read the whole history. */
const TAKE_BACK = `
  UPDATE errand_job SET
    state = CASE WHEN ${EXHAUSTED} THEN 'failed' ELSE 'available' END,
    ended_at = CASE WHEN ${EXHAUSTED} THEN ${NOW} END,
    expire_at = CASE WHEN ${EXHAUSTED} THEN ${expiry("?4")} END,
    lease_id = NULL,
    errors = ${withError(LEASE_EXPIRED)}
  WHERE id IN (SELECT listed FROM (${CONDEMNED})) AND state = 'running'
    AND EXISTS (SELECT 1 FROM errand_lease WHERE errand_lease.id = lease_id AND expires_at = 0)
  RETURNING id, task, queue, attempt, state`;

const UNCOUNT_SPENT = tally(`
  SELECT queue, state, -count(*) FROM (${CONDEMNED})
  CROSS JOIN errand_job ON errand_job.id = listed
  WHERE ${SPENT} GROUP BY queue, state`);

const REMOVE_SPENT = `
  DELETE FROM errand_job WHERE ${SPENT} AND id IN (SELECT listed FROM (${CONDEMNED}))`;

const REMOVE_SPENT_LOGS = `
  DELETE FROM errand_log WHERE job_id IN (
    SELECT listed FROM (${CONDEMNED})
    WHERE NOT EXISTS (SELECT 1 FROM errand_job WHERE errand_job.id = listed))`;

const DROP_CONDEMNED = "DELETE FROM errand_lease WHERE expires_at = 0";

/** Takes back the jobs of expired leases: put back, or failed when no attempt is left. */
export async function rescue(
  driver: Driver,
  now: number | null,
  request: RescueRequest,
): Promise<{ readonly jobs: readonly RescuedJob[]; readonly nextExpiryMs?: number }> {
  const [expired, next] = await driver.read([
    { sql: EXPIRED, args: [now, request.limit] },
    { sql: NEXT_EXPIRY, args: [now] },
  ]);
  const leases = expired!.rows.map(([id]) => id);
  const ms = next!.rows[0]?.[0];
  const soon = leases.length === request.limit ? 0 : ms;
  return {
    jobs: leases.length === 0 ? [] : await takeBack(driver, now, JSON.stringify(leases), request),
    ...(soon !== null && soon !== undefined && { nextExpiryMs: Number(soon) }),
  };
}

async function takeBack(
  driver: Driver,
  now: number | null,
  leases: string,
  { maxAttempts, tasks, retentions }: RescueRequest,
): Promise<readonly RescuedJob[]> {
  const limits = JSON.stringify({ maxAttempts, tasks });
  const results = await driver.write([
    { sql: CONDEMN, args: [now, leases] },
    { sql: COUNT_EXHAUSTED, args: [now, null, limits] },
    { sql: TAKE_BACK, args: [now, null, limits, JSON.stringify(retentions)] },
    ...[UNCOUNT_SPENT, REMOVE_SPENT, REMOVE_SPENT_LOGS, DROP_CONDEMNED]
      .map((sql) => ({ sql, args: [] })),
  ]);
  return results[2]!.rows.map(([id, task, queue, attempt, state]) => ({
    id: id as string,
    task: task as string,
    queue: queue as string,
    attempt: attempt as number,
    state: state as JobState,
  }));
}
