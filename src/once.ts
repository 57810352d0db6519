/**
 * Enqueueing on behalf of a request that may come again: it adds its jobs once.
 *
 * @module
 */
import type { Broker, EnqueueAnswer, OnceRequest } from "./broker.ts";
import { ErrandError } from "./errors.ts";
import type { EnqueuedJob } from "./job.ts";
import { enqueuedJob, type Prepared } from "./new-job.ts";

/** What a request is known by. */
export type OnceKey = Omit<OnceRequest, "jobs">;

/**
 * The jobs as they stood after the first request with this key; `accepted` tells of those that were
 * stored now.
 *
 * @throws {ErrandError} `CONFLICT` when that was another request.
 */
export async function enqueueOnce(
  broker: Pick<Broker, "api">,
  jobs: readonly Prepared[],
  key: OnceKey,
  accepted: (answer: EnqueueAnswer) => EnqueuedJob[],
): Promise<EnqueuedJob[]> {
  if (broker.api === undefined) {
    throw new ErrandError("CONFLICT", "Cannot remember a request: this Errand has no database");
  }
  const once = await broker.api.enqueueOnce({ ...key, jobs });
  if (once.kind === "other") {
    throw new ErrandError(
      "CONFLICT",
      "Cannot repeat the request: another one was sent with its key; use a key for one request",
    );
  }
  const { kind, ids, answer } = once;
  if (kind === "stored") return accepted(answer);
  return jobs.map((job, index) => enqueuedJob({ ...job, id: ids[index]! }, answer));
}
