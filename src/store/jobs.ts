/**
 * Looking at jobs.
 *
 * @module
 */
import type { Ended } from "../broker.ts";
import type { Job } from "../job.ts";
import type { Driver, Result } from "./driver/driver.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS } from "./sql.ts";

/** The row of job `?1`. */
export const GET: string = `SELECT ${JOB_COLUMNS} FROM errand_job WHERE id = ?1`;

/** The job, if there is one. */
export async function get(driver: Driver, id: string): Promise<Job | undefined> {
  const [result] = await driver.read([{ sql: GET, args: [id] }]);
  return firstJob(result);
}

/** The job of the only row, if there is one. */
export function firstJob(result: Result | undefined): Job | undefined {
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
