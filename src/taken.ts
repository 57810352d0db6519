/**
 * Ids that callers give to jobs, of which some are there already: as the same job was sent before,
 * or as another one has that id.
 *
 * @module
 */
import { decode } from "./codec.ts";
import { ErrandError } from "./errors.ts";
import type { NewJob } from "./job-terms.ts";
import type { Job } from "./job.ts";

/**
 * The jobs to be added where those of `taken` are there: these are left alone from now on.
 *
 * @throws {ErrandError} `CONFLICT` when one of them is another job.
 */
export function beside<New extends NewJob>(
  jobs: readonly New[],
  taken: readonly Job[],
): readonly New[] {
  const byId = new Map(taken.map((job) => [job.id, job]));
  return jobs.map((job) => {
    const there = byId.get(job.id);
    if (there === undefined) return job;
    if (!isSame(job, there)) throw idTaken(job.id);
    const { given: _, ...rest } = job;
    return rest as New;
  });
}

/** The error for an id that another job has. */
export function idTaken(id: string): ErrandError {
  return new ErrandError("CONFLICT", `Cannot enqueue job ${id}: another job has this id`);
}

/** Of a job that has begun, or that another may have replaced, nobody knows its first payload. */
function isSame({ terms, payload, uniqueKey, given }: NewJob, there: Job): boolean {
  if (terms.task !== there.task || terms.queue !== there.queue) return false;
  const known = there.startedAt === undefined && there.errors.length === 0 &&
    there.locked === undefined && uniqueKey === undefined;
  if (given !== "id and payload" || !known) return true;
  return JSON.stringify(decode(payload)) === JSON.stringify(there.payload);
}
