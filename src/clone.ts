/**
 * A job enqueued again as a new one.
 *
 * @module
 */
import type { JobTerms } from "./job-terms.ts";
import { encode } from "./codec.ts";
import type { CloneOverrides } from "./calls.ts";
import { invalid, show } from "./errors.ts";
import { checkNewId } from "./id.ts";
import type { Job } from "./job.ts";
import { type NewJobHost, prepare, type Prepared, termsOf } from "./new-job.ts";
import type { Policy } from "./task.ts";
import type { Tasks } from "./tasks.ts";

/** What clones are made with. */
export interface CloneHost extends NewJobHost {
  readonly tasks: Tasks;
}

/** Refuses overrides that cannot be used, whatever job they are for. */
export function checkOverrides(id: string, overrides: CloneOverrides, host: NewJobHost): void {
  checkObject(id, overrides);
  const { id: _, payload, ...options } = overrides;
  const source = { name: `a clone of ${id}`, queue: "default", priority: 0 };
  termsOf({ ...source, policy: {}, onLeaseExpired: "retry" }, options);
  encode(payload, { what: "payload", limitBytes: host.payloadLimitBytes });
}

function checkObject(id: string, overrides: CloneOverrides): void {
  if (typeof overrides !== "object" || overrides === null) {
    throw invalid(`Cannot clone job ${id} with ${show(overrides)}: overrides are an object`);
  }
  if (overrides.id !== undefined) checkNewId(overrides.id, `the id of a clone of job ${id}`);
}

/** The job to be stored; `policy` is what the original says itself, as JSON. */
export function cloneOf(
  job: Job,
  policy: string | null,
  overrides: CloneOverrides,
  host: CloneHost,
): Prepared | Promise<Prepared> {
  checkObject(job.id, overrides);
  const { id, payload = job.payload, ...options } = overrides;
  const { task: name, queue, priority } = job;
  const task = host.tasks.get(name) ?? { name };
  const terms = termsOf({ name, queue, priority, policy: {}, onLeaseExpired: "retry" }, {
    ...(job.meta !== undefined && { meta: job.meta }),
    ...(job.parentId !== undefined && { parentId: job.parentId }),
    ...options,
  });
  const of = withPolicy(terms, job, policy);
  if (id === undefined) return prepare(task, of, payload, host);
  const given = overrides.payload === undefined ? "id" : "id and payload";
  return prepare(task, of, payload, host, id, given);
}

/** A clone of an occurrence is none itself. */
type StoredPolicy = Policy & { readonly schedule?: unknown };

/** What the overrides say goes before what the original said. */
function withPolicy(terms: JobTerms, job: Job, policy: string | null): JobTerms {
  const { schedule: _, ...original } = JSON.parse(policy ?? "{}") as StoredPolicy;
  const said = JSON.parse(terms.options ?? "{}") as Policy;
  const retry = { ...original.retry, ...said.retry };
  const merged: Policy = {
    ...original,
    ...said,
    ...(Object.keys(retry).length > 0 && { retry }),
  };
  return {
    ...terms,
    maxAttempts: terms.maxAttempts ?? job.maxAttempts ?? null,
    options: Object.keys(merged).length === 0 ? null : JSON.stringify(merged),
  };
}
