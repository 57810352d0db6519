/**
 * Jobs on their way to a server: what they say of themselves, in the words of the API.
 *
 * @module
 */
import type { EnqueueAnswer } from "../broker.ts";
import type { JobTerms, NewJob } from "../job-terms.ts";
import type { EnqueuedBody, NewJobBody } from "../http/wire.ts";
import type { Job } from "../job.ts";
import type { JobPolicy, Policy, Retention } from "../task.ts";
import type { UniqueOptions, UniqueRule } from "../unique.ts";
import { halving, type Part, partsOf } from "./parts.ts";
import type { Requests } from "./requests.ts";
import { toJob } from "./revive.ts";

/**
 * Adds jobs: all of them or none, as far as they go in one request. Of more than that, those of a
 * part that was sent before another was refused are there.
 */
export async function enqueueJobs(
  requests: Requests,
  jobs: readonly NewJob[],
): Promise<EnqueueAnswer> {
  const duplicates = new Map<string, Job>();
  let createdAtMs = 0;
  const send = async ({ from, texts }: Part): Promise<void> => {
    const answer = await requests.send<EnqueuedBody>("/v1/jobs", {
      body: `[${texts.join()}]`,
      headers: { prefer: "return=minimal" },
    });
    createdAtMs = Date.parse(answer.createdAt);
    for (const [at, job] of Object.entries(answer.duplicates)) {
      duplicates.set(jobs[from + Number(at)]!.id, toJob(job));
    }
  };
  for (const part of partsOf(jobs.map(jobText))) await halving(part, send);
  return { createdAtMs, duplicates };
}

const heads = new WeakMap<JobTerms, string>();

/** The payload is JSON already. */
function jobText({ id, payload, terms }: NewJob): string {
  let head = heads.get(terms);
  if (head === undefined) heads.set(terms, head = JSON.stringify(termsBody(terms)).slice(0, -1));
  return `${head},"id":${JSON.stringify(id)},"payload":${payload}}`;
}

/** Everything is said, so that the server's own words on a task change nothing here. */
function termsBody(terms: JobTerms): Omit<NewJobBody, "id" | "payload"> {
  const { runAtMs, delayMs, parentId, meta, unique } = terms;
  return {
    task: terms.task,
    queue: terms.queue,
    priority: terms.priority,
    ...(runAtMs !== null && { runAt: runAtMs }),
    ...(delayMs > 0 && { delay: delayMs }),
    ...(parentId !== null && { parentId }),
    ...(meta !== null && { meta: JSON.parse(meta) as Record<string, unknown> }),
    unique: unique === undefined ? false : uniqueOptions(unique),
    ...policyBody(terms),
  };
}

type StoredPolicy = Policy & Pick<NewJobBody, "onLeaseExpired">;

/** What a job says on retry, timeout and retention. */
export function policyBody(
  { options, maxAttempts }: Pick<JobTerms, "options" | "maxAttempts">,
): JobPolicy & Pick<NewJobBody, "onLeaseExpired"> {
  const policy = JSON.parse(options ?? "{}") as StoredPolicy;
  const { delayMs, backoff, maxDelayMs, jitter } = policy.retry ?? {};
  const retry = {
    ...(maxAttempts !== null && { maxAttempts }),
    ...(delayMs !== undefined && { delay: delayMs }),
    ...(backoff !== undefined && { backoff }),
    ...(maxDelayMs !== undefined && { maxDelay: maxDelayMs }),
    ...(jitter !== undefined && { jitter }),
  };
  return {
    ...(Object.keys(retry).length > 0 && { retry }),
    ...(policy.timeoutMs !== undefined && { timeout: policy.timeoutMs }),
    ...(policy.retentionMs !== undefined && { retention: retention(policy.retentionMs) }),
    ...(policy.onLeaseExpired !== undefined && { onLeaseExpired: policy.onLeaseExpired }),
  };
}

/** A retention in milliseconds, in words. */
export function retention(retentionMs: number | null): Retention {
  return retentionMs ?? "forever";
}

function uniqueOptions({ fields, key, scope, windowMs, onConflict }: UniqueRule): UniqueOptions {
  return {
    ...(fields !== null && { fields }),
    ...(key !== null && { key }),
    scope,
    ...(windowMs !== null && { window: windowMs }),
    onConflict,
  };
}
