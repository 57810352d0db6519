/**
 * Jobs that a caller may have to do with.
 *
 * @module
 */
import { notFound } from "../../job-checks.ts";
import type { Job } from "../../job.ts";
import { reaches } from "../access.ts";
import type { Call } from "../route.ts";

/** The job. @throws {ErrandError} `NOT_FOUND`, also for one of a queue that is not the caller's. */
export async function ownJob(
  { errand, caller }: Pick<Call, "errand" | "caller">,
  act: string,
  id: string,
): Promise<Job> {
  const job = await errand.get(id);
  if (job === undefined || !reaches(caller, job.queue)) throw notFound(act, id);
  return job;
}

/** Looks only where a caller is limited. @throws {ErrandError} `NOT_FOUND`. */
export async function checkOwn(
  call: Pick<Call, "errand" | "caller">,
  act: string,
  id: string,
): Promise<void> {
  if (call.caller.queues !== undefined) await ownJob(call, act, id);
}
