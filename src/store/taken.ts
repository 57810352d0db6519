/**
 * Jobs whose ids callers gave: another job may have one of them already. The batch that adds the
 * jobs finds that out, and adds nothing then.
 *
 * @module
 */
import type { EnqueueAnswer } from "../broker.ts";
import { ErrandError } from "../errors.ts";
import type { NewJob } from "../job-terms.ts";
import type { Job } from "../job.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { added, insertStatements, isGiven } from "./enqueue.ts";
import { getMany } from "./jobs.ts";

/** Before the inserts of unique jobs, of which keys keep some away: no count tells of ids there. */
const FREE = `
  SELECT CASE WHEN EXISTS (
    SELECT 1 FROM json_each(?1) CROSS JOIN errand_job ON errand_job.id = json_each.value)
  THEN json('ID_TAKEN') ELSE 1 END`;

/** Adds `jobs` in one transaction, unless given ids are taken: then it tells by whom. */
export async function enqueueGiven(
  driver: Driver,
  now: number | null,
  jobs: readonly NewJob[],
): Promise<EnqueueAnswer> {
  try {
    return await added(driver, now, jobs, givenStatements(now, jobs));
  } catch (error) {
    if (!isGuard((error as Error).cause ?? error)) throw error;
    const taken = await takenBy(driver, jobs);
    if (taken.length > 0) return { createdAtMs: 0, taken };
    const again = insertStatements(now, jobs.map(ungiven)); // what was in the way is gone
    return await added(driver, now, jobs, again);
  }
}

/** The statements that add `jobs`, and fail when given ids are taken. */
export function givenStatements(now: number | null, jobs: readonly NewJob[]): Statement[] {
  const inserts = insertStatements(now, jobs);
  if (!jobs.some((job) => isGiven(job) && job.uniqueKey !== undefined)) return inserts;
  return [{ sql: FREE, args: [JSON.stringify(givenIds(jobs))] }, ...inserts];
}

/** The jobs that have the given ids of `jobs` already. */
export async function takenBy(driver: Driver, jobs: readonly NewJob[]): Promise<readonly Job[]> {
  const ids = givenIds(jobs);
  return ids.length === 0 ? [] : await getMany(driver, ids);
}

/** @throws {ErrandError} `CONFLICT` for an id of two of them, as it may be of two calls. */
function givenIds(jobs: readonly NewJob[]): readonly string[] {
  const ids = jobs.filter(isGiven).map(({ id }) => id);
  if (new Set(ids).size === ids.length) return ids;
  throw new ErrandError("CONFLICT", "Cannot enqueue jobs: two of them have one id");
}

function ungiven({ given: _, ...job }: NewJob): NewJob {
  return job;
}
