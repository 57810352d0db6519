/**
 * What a caller may have to do with: jobs, workers, and pages of lists.
 *
 * @module
 */
import { ErrandError, show } from "../../errors.ts";
import { notFound } from "../../job-checks.ts";
import type { Job } from "../../job.ts";
import { checkedPage, PAGE_MAX, type PageOptions } from "../../page.ts";
import type { WorkerInfo } from "../../worker-info.ts";
import { reaches } from "../access.ts";
import type { Caller } from "../auth.ts";
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

/** A worker that also serves a queue of others is not the caller's to see or stop. */
export function isOwnWorker(caller: Caller, { queues }: WorkerInfo): boolean {
  return Object.keys(queues).every((queue) => reaches(caller, queue));
}

/**
 * Looks only where a caller is limited; one that is not there is nobody's.
 *
 * @throws {ErrandError} `NOT_FOUND` for a worker that is not the caller's.
 */
export async function checkOwnWorker(
  { errand, caller }: Pick<Call, "errand" | "caller">,
  act: string,
  id: string,
): Promise<void> {
  if (caller.queues === undefined) return;
  const worker = await errand.workers.get(id);
  if (worker !== undefined && !isOwnWorker(caller, worker)) throw noWorker(act, id);
}

/** There is none, for all that the caller may know. */
export function noWorker(act: string, id: string): ErrandError {
  const message = `Cannot ${act} worker ${show(id)}: there is no such worker, or no more`;
  return new ErrandError("NOT_FOUND", message);
}

/** A list of which a caller may see some. */
export interface OwnList<Item> {
  list(page: PageOptions): Promise<{ readonly items: readonly Item[]; readonly cursor?: string }>;
  isOwn(item: Item): boolean;
  /** The cursor of a page that ends with it. */
  cursorOf(item: Item): string;
}

/** A page that is as full as others', whose cursor tells of nothing that is not the caller's. */
export async function ownPage<Item>(
  query: PageOptions,
  { list, isOwn, cursorOf }: OwnList<Item>,
): Promise<{ readonly items: readonly Item[]; readonly cursor?: string }> {
  const { limit, cursor } = checkedPage(query);
  let page = await list({ limit: Math.min(limit + 1, PAGE_MAX), cursor });
  const own = page.items.filter(isOwn);
  while (own.length <= limit && page.cursor !== undefined) {
    page = await list({ limit: PAGE_MAX, cursor: page.cursor });
    own.push(...page.items.filter(isOwn));
  }
  if (own.length <= limit) return { items: own };
  const items = own.slice(0, limit);
  return { items, cursor: cursorOf(items[limit - 1]!) };
}
