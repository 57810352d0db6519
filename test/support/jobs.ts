// Requests to a store, with everything filled in that a test does not care about.
import type { ClaimRequest, ExchangeAnswer, ListQuery, RescueRequest } from "../../src/broker.ts";
import type { JobTerms, NewJob } from "../../src/job-terms.ts";
import type { EnqueuedJob, Job, JobError } from "../../src/job.ts";
import type { Outcome, Report, Settlement } from "../../src/outcome.ts";
import type { ScheduleRecord } from "../../src/schedule.ts";
import type { Store } from "../../src/store/store.ts";
import type { UniqueRule } from "../../src/unique.ts";

/** How long leases last here. */
export const LEASE_MS = 30_000;

const TERMS: JobTerms = {
  task: "task",
  queue: "q",
  priority: 0,
  runAtMs: null,
  delayMs: 0,
  maxAttempts: null,
  parentId: null,
  options: null,
  meta: null,
};

/** A job with id `id`, due at once. */
export function newJob(
  id: string,
  more: Partial<JobTerms & { payload: string }> = {},
): NewJob {
  const { payload = `"payload of ${id}"`, ...terms } = more;
  return { id, payload, terms: { ...TERMS, ...terms } };
}

/** How long windows are here. */
export const WINDOW_MS = 10_000;

/** The same, as the only one of its key for as long as its scope says. */
export function uniqueJob(
  id: string,
  more: Partial<UniqueRule & JobTerms & { key: string }> = {},
): NewJob {
  const { key = "k", scope = "live", onConflict = "ignore", ...terms } = more;
  const windowMs = scope === "window" ? WINDOW_MS : null;
  const unique: UniqueRule = {
    fields: null,
    key: null,
    scope,
    windowMs,
    onConflict,
  };
  return { ...newJob(id, { ...terms, unique }), uniqueKey: key };
}

/** A schedule "s" by the hour that is due at `nowMs`. */
export function scheduleRecord(
  nowMs: number,
  more: Partial<ScheduleRecord> = {},
): ScheduleRecord {
  return {
    ...{
      name: "s",
      task: "task",
      queue: "q",
      priority: 0,
      maxAttempts: null,
      payload: "[1]",
    },
    ...{
      options: null,
      meta: null,
      rule: { everyMs: 3_600_000 },
      startMs: nowMs,
      endMs: null,
    },
    ...{
      maxRuns: null,
      catchUp: "latest",
      overlap: "allow",
      paused: false,
      nextRunMs: nowMs,
    },
    ...{
      lastRunMs: null,
      lastJobId: null,
      runs: 0,
      createdMs: nowMs,
      updatedMs: nowMs,
    },
    stamp: "first",
    ...more,
  };
}

/** Claims from `queues` under `lease`, with limits of a hundred. */
export function claim(
  store: Store,
  lease: string,
  queues: readonly string[] = ["q"],
  more: Partial<ClaimRequest> = {},
): Promise<ExchangeAnswer> {
  return store.exchange({
    worker: `worker of ${lease}`,
    settlements: [],
    closedLeases: [],
    claim: {
      lease,
      leaseMs: LEASE_MS,
      limit: 100,
      queues: queues.map((queue) => ({ queue, limit: 100 })),
      ...more,
    },
  });
}

/** The ids of a claim's jobs. */
export async function claimIds(
  ...args: Parameters<typeof claim>
): Promise<string[]> {
  return (await claim(...args)).jobs.map(({ id }) => id);
}

/** An outcome of job `id` of queue `q`, to be handed in under `lease`. */
export function settlement(
  id: string,
  lease: string,
  outcome: Outcome,
  more: {
    readonly queue?: string;
    readonly retentionMs?: number | null;
    readonly report?: Report;
  } = {},
): Settlement {
  return { id, queue: "q", lease, outcome, retentionMs: 60_000, ...more };
}

/** Hands in outcomes without claiming. */
export function settle(
  store: Store,
  settlements: readonly Settlement[],
  closedLeases: readonly string[] = [],
): Promise<ExchangeAnswer> {
  return store.exchange({ worker: "worker", settlements, closedLeases });
}

/** An enqueued job as it is looked up later. */
export function stored({ enqueued: _, ...job }: EnqueuedJob): Job {
  return job;
}

/** The error of an attempt. */
export function jobError(attempt = 1): JobError {
  return {
    code: "HANDLER",
    name: "Error",
    message: "It broke",
    attempt,
    at: 1,
  };
}

/** Outcomes by their kind. */
export const outcomes = {
  complete: { kind: "complete", result: '{"done":true}' },
  fail: { kind: "fail", error: jobError() },
  retry: { kind: "retry", error: jobError(), delayMs: 5_000 },
  snooze: { kind: "snooze", delayMs: 7_000 },
  release: { kind: "release" },
} as const satisfies Record<Outcome["kind"], Outcome>;

/** Rescue with five attempts and a retention of a minute. */
export const rescueAll: RescueRequest = {
  limit: 100,
  maxAttempts: 5,
  tasks: {},
  retentions: { defaultMs: 60_000, tasks: {} },
};

/** All jobs, oldest first. */
export const listAll: ListQuery = {
  states: [],
  limit: 100,
  after: null,
  order: "oldest",
};
