/**
 * What an API asks on behalf of workers in other languages: who has a job, and where there is work.
 *
 * @module
 */
import type { Standing, WaitingAnswer, WaitingRequest } from "../broker.ts";
import type { JobState } from "../job.ts";
import { NEXT_DUE, PROMOTE, prospect } from "./claim.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { NOW, runningIn } from "./sql.ts";

const STANDING = `
  SELECT errand_job.id, task, queue, state, attempt, max_attempts, options, lease_id, worker,
    coalesce(ended_at, CASE state WHEN 'running' THEN started_at END)
  FROM json_each(?1) CROSS JOIN errand_job ON errand_job.id = value
  LEFT JOIN errand_lease ON errand_lease.id = lease_id`;

/** Those of `ids` that there are. */
export async function standing(
  driver: Driver,
  ids: readonly string[],
): Promise<readonly Standing[]> {
  const [found] = await driver.read([{ sql: STANDING, args: [JSON.stringify(ids)] }]);
  return found!.rows.map((row) => ({
    id: row[0] as string,
    task: row[1] as string,
    queue: row[2] as string,
    state: row[3] as JobState,
    attempt: Number(row[4]),
    maxAttempts: row[5] === null ? null : Number(row[5]),
    options: row[6] as string | null,
    lease: row[7] as string | null,
    worker: row[8] as string | null,
    sinceMs: row[9] === null ? null : Number(row[9]),
  }));
}

const LEASE_LEFT = `SELECT expires_at - ${NOW} FROM errand_lease WHERE id = ?2`;

/** How long a lease lasts yet, if there is one. */
export async function leaseLeftMs(
  driver: Driver,
  now: number | null,
  lease: string,
): Promise<number | undefined> {
  const [found] = await driver.read([{ sql: LEASE_LEFT, args: [now, lease] }]);
  const ms = found!.rows[0]?.[0];
  return ms === undefined ? undefined : Number(ms);
}

const LEASE_QUEUES = `
  SELECT DISTINCT queue FROM json_each(?1) AS asked
  CROSS JOIN errand_lease ON errand_lease.id = asked.value
  CROSS JOIN json_each(errand_lease.jobs) AS listed
  CROSS JOIN errand_job ON errand_job.id = listed.value`;

/** The queues that the jobs of leases are of, also those that have ended. */
export async function leaseQueues(
  driver: Driver,
  leases: readonly string[],
): Promise<readonly string[]> {
  const [found] = await driver.read([{ sql: LEASE_QUEUES, args: [JSON.stringify(leases)] }]);
  return found!.rows.map(([queue]) => queue as string);
}

/** Of each queue: how many jobs wait, and how many may be begun where that is limited. */
const WAITING = `
  SELECT value,
    (SELECT count(*) FROM (SELECT 1 FROM errand_job
      WHERE state = 'available' AND queue = value LIMIT ?2)),
    (SELECT CASE WHEN paused = 1 THEN 0
      WHEN run_limit IS NOT NULL THEN run_limit - ${runningIn("name")} END
      FROM errand_queue WHERE name = value)
  FROM json_each(?1)`;

/** How many jobs of each queue may be claimed. */
export async function waiting(
  driver: Driver,
  now: number | null,
  { queues, most, promote }: WaitingRequest,
): Promise<WaitingAnswer> {
  const looks: Statement[] = [
    { sql: WAITING, args: [JSON.stringify(queues), most] },
    { sql: NEXT_DUE, args: [now] },
  ];
  const [counts, next] = promote
    ? (await driver.write([{ sql: PROMOTE, args: [now] }, ...looks])).slice(1)
    : await driver.read(looks);
  const jobs = counts!.rows.map(([queue, n, room]) =>
    [queue as string, Math.max(0, Math.min(Number(n), Number(room ?? Infinity)))] as const
  );
  const limited = counts!.rows.some((row) => row[2] !== null);
  return { jobs: new Map(jobs), ...(limited && { limited }), ...prospect(next!) };
}
