/**
 * The calls of an Errand that look for jobs, change many, or enqueue one again.
 *
 * @module
 */
import type { BulkFilter, BulkOptions, BulkResult } from "./bulk.ts";
import { type CloneOverrides, retryDue, type RetryJobOptions } from "./calls.ts";
import { checkSearchable } from "./encryption/searchable.ts";
import { ErrandError, show } from "./errors.ts";
import type { changeMany as ChangeMany, HistoryHost } from "./history.ts";
import { checkId } from "./job-checks.ts";
import type { EnqueuedJob, JobPage, ListOptions } from "./job.ts";
import { listQuery } from "./list-query.ts";
import type { Prepared } from "./new-job.ts";

interface VerbsHost extends HistoryHost {
  readonly payloadLimitBytes: number;
  /** Stores what was prepared. */
  enqueue(job: Prepared): Promise<EnqueuedJob>;
}

const hosts = new WeakMap<HistoryVerbs, VerbsHost>();

/** Tells the verbs of an Errand what they work with. */
export function hostHistory(verbs: HistoryVerbs, host: VerbsHost): void {
  hosts.set(verbs, host);
}

/** Who changes no history loads nothing of this. */
const changeMany: typeof ChangeMany = async (...call) =>
  (await import("./history.ts")).changeMany(...call);

/**
 * Looks for jobs, and changes many, batch by batch: each of at most 500 jobs is one transaction and
 * one `bulk` event. A call that was interrupted has kept its batches, and the same call does the
 * rest.
 */
export abstract class HistoryVerbs {
  /**
   * Jobs by their time of enqueueing, a page at a time. Jobs that come and go meanwhile make no
   * page repeat or miss another job.
   *
   * @throws {ErrandError} `INVALID_INPUT` for unusable options.
   */
  async list(options: ListOptions = {}): Promise<JobPage> {
    const { broker, tasks } = hosts.get(this)!;
    if (options?.where !== undefined) checkSearchable(broker, "list jobs by where");
    const query = listQuery(options, broker.verbs === undefined ? tasks : undefined);
    if (query.where !== undefined) await broker.indexFields(tasks.fields());
    return await broker.list(query);
  }

  /**
   * Removes ended jobs, as they match `filter`, with their logs. Jobs that end meanwhile may go
   * too.
   *
   * @example
   * ```ts
   * import { Errand } from "errand";
   *
   * await using errand = await Errand.open({ url: ":memory:" });
   * const filter = { state: "failed", createdBefore: "2030-01-01T00:00:00Z" } as const;
   * console.log(await errand.purge(filter, { dryRun: true }));
   * let cursor: string | undefined;
   * do {
   *   ({ cursor } = await errand.purge(filter, cursor === undefined ? {} : { cursor }));
   * } while (cursor !== undefined);
   * ```
   *
   * @throws {ErrandError} `INVALID_INPUT` for an unusable filter or option, and for a filter that
   * names no condition and does not say `{ all: true }`.
   */
  purge(filter: BulkFilter, options?: BulkOptions): Promise<BulkResult> {
    return changeMany(hosts.get(this)!, "purge", filter, options);
  }

  /** Cancels live jobs; running ones abort, here at once. Throws as {@linkcode purge} does. */
  cancelMany(filter: BulkFilter, options?: BulkOptions): Promise<BulkResult> {
    return changeMany(hosts.get(this)!, "cancel", filter, options);
  }

  /**
   * Makes ended jobs live again, with all their attempts before them: the failed ones, unless the
   * filter names other states. They are due now, unless the options say otherwise. Throws as
   * {@linkcode purge} does.
   */
  async retryMany(
    filter: BulkFilter,
    options: BulkOptions & RetryJobOptions = {},
  ): Promise<BulkResult> {
    const { delay: _, runAt: __, ...bulk } = options;
    const due = retryDue(options, "retry jobs");
    return await changeMany({ ...hosts.get(this)!, due }, "retry", filter, bulk);
  }

  /** Removes jobs that are not running, live ones too. Throws as {@linkcode purge} does. */
  removeMany(filter: BulkFilter, options?: BulkOptions): Promise<BulkResult> {
    return changeMany(hosts.get(this)!, "remove", filter, options);
  }

  /**
   * Enqueues a new job with the task, payload, queue, priority, meta, parent and policy of job
   * `id`, due now, or as the overrides say. The original may be in any state and stays as it is;
   * the clone holds no unique key unless the overrides say `unique`.
   *
   * @throws {ErrandError} `NOT_FOUND`; `CONFLICT` for one that is locked; `INVALID_INPUT` as for
   * `enqueue`.
   */
  async clone(id: string, overrides: CloneOverrides = {}): Promise<EnqueuedJob> {
    const host = hosts.get(this)!;
    const { verbs } = host.broker;
    if (verbs !== undefined && typeof id === "string") return await cloneWhole(host, id, overrides);
    const job = typeof id === "string" ? await host.broker.get(id) : undefined;
    if (job === undefined) {
      throw new ErrandError(
        typeof id === "string" ? "NOT_FOUND" : "INVALID_INPUT",
        `Cannot clone job ${show(id)}: there is no such job, or it was removed`,
      );
    }
    if (job.locked !== undefined) {
      throw new ErrandError("CONFLICT", `Cannot clone job ${id}: it is locked`);
    }
    const policy = await host.broker.policy(id);
    const { cloneOf } = await import("./clone.ts");
    return await host.enqueue(await cloneOf(job, policy, overrides, host));
  }
}

/** By one call of the store. */
async function cloneWhole(
  host: VerbsHost,
  id: string,
  overrides: CloneOverrides,
): Promise<EnqueuedJob> {
  const { broker, events, wake } = host;
  checkId("clone", id);
  (await import("./clone.ts")).checkOverrides(id, overrides, host);
  const job = await broker.verbs!.clone(id, overrides);
  if (job.enqueued === "inserted") events.emit("enqueued", { job });
  wake.signal("work");
  return job;
}
