/**
 * Claiming: write one lease that lists the jobs, stamp its id on them, read them back by the list.
 * Repeating all of it under the same lease id takes nothing more and answers the same jobs.
 *
 * @module
 */
import type { ClaimedJob, ClaimRequest, Prospect } from "../broker.ts";
import type { Result, Statement } from "./driver/driver.ts";
import { CLAIMED_COLUMNS, toClaimedJobs } from "./rows.ts";
import { NOW, runningIn } from "./sql.ts";

/** Due jobs become available, so many at a time that the lock is never held for long. */
export const PROMOTE: string = `
  UPDATE errand_job SET state = 'available'
  WHERE id IN (
    SELECT id FROM errand_job WHERE state = 'scheduled' AND run_at <= ${NOW}
    ORDER BY run_at LIMIT 1000)`;

/** Writes the lease `?2`, unless there is nothing to claim. */
export function takeSql(queues: number): string {
  return `
  INSERT INTO errand_lease (id, worker, expires_at, jobs)
  SELECT ?2, ?3, ${NOW} + ?4, jobs FROM (
    SELECT json_group_array(id) AS jobs, count(*) AS n FROM (
      SELECT id FROM (${
    Array.from({ length: queues }, (_, i) => arm(6 + 2 * i)).join(" UNION ALL ")
  })
      ORDER BY priority DESC, run_at, id LIMIT ?5))
  WHERE n > 0
  ON CONFLICT (id) DO NOTHING`;
}

/** The first jobs of the queue in argument `name`, as many as the next argument says. */
function arm(name: number): string {
  return `SELECT * FROM (
      SELECT id, priority, run_at FROM errand_job
      WHERE state = 'available' AND queue = ?${name}
      ORDER BY priority DESC, run_at, id LIMIT ${room(`?${name}`, `?${name + 1}`)})`;
}

/** `most`, or less where the queue is paused or has a limit. */
function room(queue: string, most: string): string {
  return `coalesce((SELECT CASE WHEN paused = 1 THEN 0 WHEN run_limit IS NULL THEN ${most}
        ELSE max(0, min(${most}, run_limit - ${runningIn(queue)})) END
      FROM errand_queue WHERE name = ${queue}), ${most})`;
}

/**
 * Makes the jobs of lease `?2` its own, and counts the attempt. Only right after the lease was
 * written: repeated, it would take back what the lease has given up since.
 */
export const STAMP: string = `
  UPDATE errand_job
  SET state = 'running', lease_id = ?2, attempt = attempt + 1, started_at = ${NOW}
  FROM json_each((SELECT jobs FROM errand_lease WHERE id = ?2)) AS listed
  WHERE errand_job.id = listed.value AND state = 'available' AND changes() > 0`;

/** What lease `?1` holds, in the order of its list. */
export const READ_CLAIMED: string = `
  SELECT ${CLAIMED_COLUMNS}
  FROM (SELECT value AS listed FROM json_each((SELECT jobs FROM errand_lease WHERE id = ?1)))
  CROSS JOIN errand_job ON errand_job.id = listed
  WHERE lease_id = ?1 AND state = 'running'`;

/** How long until the next scheduled job is due. */
export const NEXT_DUE: string = `
  SELECT run_at - ${NOW} FROM errand_job WHERE state = 'scheduled' ORDER BY run_at LIMIT 1`;

/** The same, and whether one of the queues `?2`, `?3`, … has a limit. */
function prospectSql(queues: number): string {
  const limits = Array.from(
    { length: queues },
    (_, i) =>
      `EXISTS (SELECT 1 FROM errand_queue WHERE name = ?${2 + i} AND run_limit IS NOT NULL)`,
  );
  return `SELECT (${NEXT_DUE}), ${limits.join(" OR ")}`;
}

const takeSqls: string[] = [];
const prospectSqls: string[] = [];

/** The statements of a claim; {@linkcode claimed} reads their results. */
export function claimStatements(
  now: number | null,
  worker: string,
  claim: ClaimRequest,
): Statement[] {
  const { lease, leaseMs, limit, queues } = claim;
  const sql = takeSqls[queues.length] ??= takeSql(queues.length);
  const ahead = prospectSqls[queues.length] ??= prospectSql(queues.length);
  const arms = queues.flatMap((of) => [of.queue, of.limit]);
  return [
    { sql: PROMOTE, args: [now] },
    { sql, args: [now, lease, worker, leaseMs, limit, ...arms] },
    { sql: STAMP, args: [now, lease] },
    { sql: READ_CLAIMED, args: [lease] },
    { sql: ahead, args: [now, ...queues.map(({ queue }) => queue)] },
  ];
}

/** What the statements of {@linkcode claimStatements} came to. */
export function claimed(
  results: readonly Result[],
  lease: string,
): { readonly jobs: readonly ClaimedJob[]; readonly repeated?: true } & Prospect {
  const [, taken, , held, next] = results;
  const jobs = toClaimedJobs(held!.rows, lease);
  const repeated = jobs.length > 0 && taken!.changes === 0;
  return { jobs, ...(repeated && { repeated }), ...prospect(next!) };
}

/** The answer of {@linkcode NEXT_DUE}, or of one that begins like it. */
export function prospect(result: Result): Prospect {
  const [ms = null, limited] = result.rows[0] ?? [];
  return {
    ...(ms !== null && { nextDueMs: Math.max(0, Number(ms)) }),
    ...(Number(limited) === 1 && { limited: true }),
  };
}
