/**
 * Claiming jobs and handing in outcomes.
 *
 * @module
 */
import type { ClaimedJob, ClaimRequest } from "../../broker.ts";
import { decode } from "../../codec.ts";
import { durationMs } from "../../duration.ts";
import { ErrandError, invalid } from "../../errors.ts";
import { effectivePolicy, withMaxAttempts } from "../../policy.ts";
import { checkName, type Policy } from "../../task.ts";
import type { Parts } from "../../parts.ts";
import { checkQueue, reaches } from "../access.ts";
import { instantText, jsonText } from "../answer.ts";
import type { Caller } from "../auth.ts";
import { readOutcomes } from "../outcomes.ts";
import { type Call, type Route, route } from "../route.ts";
import { waiting, waitMs } from "../wait.ts";
import type { ClaimBody, LeaseBody } from "../wire.ts";
import { type Exchanged, leaseId, type Work, workOf } from "../work.ts";
import * as bodies from "../work-bodies.ts";

const LEASE_MS = 30_000;
const LEASE_MIN_MS = 100;
const LEASE_MAX_MS = 86_400_000;

/** `POST /v1/claims`. */
export const claimRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/v1/claims",
    scope: "work",
    tag: "Work",
    summary: "Hand in outcomes and claim jobs, in one transaction",
    description:
      "Each outcome names the lease under which its job was claimed; one that came too late " +
      "changes nothing and is told who holds the job now. Sent again with the same `id`, a claim " +
      "is answered with the same jobs. With `wait` it is answered once there is a job.",
    body: bodies.claim,
    example: { worker: "resizer 1", queues: ["images"], limit: 4, wait: "30s" },
    answers: {
      200: { description: "The jobs, and what became of outcomes", schema: bodies.claimed },
    },
    handle: claim,
  }),
];

type ClaimCall = Call<undefined, undefined, ClaimBody>;

async function claim(call: ClaimCall): Promise<Response> {
  const { id } = call.body;
  if (id === undefined) return await claimJobs(call);
  return await workOf(call).claiming(id, (overtaken) => claimJobs(call, overtaken));
}

async function claimJobs(call: ClaimCall, overtaken?: AbortSignal): Promise<Response> {
  const { body, caller, parts } = call;
  const work = workOf(call);
  const wanted = claimOf(call);
  const { worker, outcomes = [], close = [] } = body;
  const handed = await readOutcomes(work, caller, outcomes);
  const startMs = parts.clock.elapsedMs();
  if (wanted === undefined) {
    return answer(call, await work.exchange({ worker, handed, close }), undefined);
  }
  work.asked();
  const parking = work.parking();
  const queues = wanted.queues.map(({ queue }) => queue);
  const take = async (first?: Pick<Parameters<Work["exchange"]>[0], "handed" | "close">) => {
    const ticket = parts.wake.ticket();
    const beganMs = parts.clock.elapsedMs();
    const found = await work.exchange({ worker, handed: [], close: [], ...first, claim: wanted });
    if (found.jobs.length === 0) parking.found(queues, ticket, found);
    return { found, beganMs };
  };
  const idle = handed.length + close.length === 0 && parking.isEmpty(queues) &&
    (body.id === undefined || await work.api.leaseLeftMs(body.id) === undefined);
  let taken = idle ? undefined : await take({ handed, close });
  parking.arrived(queues);
  const told = taken?.found.outcomes ?? [];
  const mostMs = waitMs(call, body.wait) - (parts.clock.elapsedMs() - startMs);
  if ((taken?.found.jobs.length ?? 0) === 0 && mostMs > 0) {
    const late = async (): Promise<readonly string[]> => {
      taken = await take();
      const { jobs } = taken.found;
      if (await leftBehind(call, work, taken.found)) return [];
      return jobs.map(({ queue }) => queue);
    };
    const park = (signal: AbortSignal) =>
      parking.park({ queues, signal, waitMs: mostMs, take: late });
    await waiting(call, park, overtaken);
  } else if (taken !== undefined) {
    await leftBehind(call, work, taken.found);
  }
  const nextDueMs = parking.nextDueMs();
  const found: Exchanged = taken?.found ??
    { jobs: [], outcomes: [], lost: new Set(), ...(nextDueMs !== undefined && { nextDueMs }) };
  return answer(call, { ...found, outcomes: told }, {
    id: wanted.lease,
    leaseMs: await leftMs(work, wanted, found, taken?.beganMs ?? startMs),
  });
}

/** What is asked for; `undefined` when nothing is. */
function claimOf(
  { body, caller }: ClaimCall,
): ClaimRequest | undefined {
  const { queues = [], limit = 1, lease = LEASE_MS, id } = body;
  const leaseMs = checkedLease(durationMs(lease, "lease"));
  if (limit === 0) return undefined;
  const limits = Array.isArray(queues)
    ? [...new Set(queues as readonly string[])].map((queue) => ({ queue, limit }))
    : Object.entries(queues).map(([queue, most]) => ({ queue, limit: Math.min(most, limit) }));
  if (limits.length === 0) {
    const message = "is missing: name the queues to claim from";
    throw invalid(`Cannot claim: queues ${message}`, [{ message, path: ["queues"] }]);
  }
  for (const { queue } of limits) checkQueue(caller, checkName(queue, "the name of a queue"));
  return { lease: leaseId(id), leaseMs, limit, queues: limits };
}

/** How long leases may last. */
export function checkedLease(leaseMs: number): number {
  if (leaseMs >= LEASE_MIN_MS && leaseMs <= LEASE_MAX_MS) return leaseMs;
  const message = "is no duration from 100 ms to a day";
  throw invalid(`Cannot use the body: lease ${message}`, [{ message, path: ["lease"] }]);
}

/**
 * Whether the client has gone while its jobs were claimed: then they go back. Not under an id of
 * its own: it may have asked again, and have them.
 */
async function leftBehind(
  { body, request: { signal } }: ClaimCall,
  work: Work,
  { jobs }: Exchanged,
): Promise<boolean> {
  if (jobs.length === 0 || !signal.aborted) return false;
  if (body.id === undefined) await work.giveBack(body.worker, jobs[0]!.lease, jobs);
  return true;
}

/** By the database when the claim was made earlier, else by what has passed since it was made. */
async function leftMs(
  work: Work,
  { lease, leaseMs }: ClaimRequest,
  { repeated }: Exchanged,
  beganMs: number,
): Promise<number> {
  if (repeated) return Math.max(0, await work.api.leaseLeftMs(lease) ?? 0);
  return Math.max(0, leaseMs - (work.parts.clock.elapsedMs() - beganMs));
}

function answer(
  { parts, caller }: Pick<Call, "parts" | "caller">,
  { jobs, outcomes, nextDueMs }: Exchanged,
  lease: { readonly id: string; readonly leaseMs: number } | undefined,
): Response {
  checkReached(caller, jobs);
  const members = [
    ...(lease === undefined || jobs.length === 0 ? [] : [`"lease":${leaseText(parts, lease)}`]),
    `"jobs":[${jobTexts(parts, jobs)}]`,
    `"outcomes":${JSON.stringify(outcomes)}`,
    ...(nextDueMs === undefined ? [] : [`"nextDueIn":${Math.ceil(nextDueMs)}`]),
  ];
  return jsonText(`{${members.join()}}`);
}

/** An id of somebody else's lease gets nothing that a token may not have. */
function checkReached(caller: Caller, jobs: readonly ClaimedJob[]): void {
  if (jobs.every(({ queue }) => reaches(caller, queue))) return;
  throw new ErrandError("FORBIDDEN", "Cannot claim: the lease of this id holds other queues' jobs");
}

function leaseText(
  { clock }: Parts,
  { id, leaseMs }: { readonly id: string; readonly leaseMs: number },
): string {
  const expiresAt = new Date(clock.now() + leaseMs).toISOString();
  return JSON.stringify({ id, expiresAt, expiresIn: Math.floor(leaseMs) } satisfies LeaseBody);
}

/** Payload, meta and options are JSON already, and are neither parsed nor written again. */
function jobTexts(parts: Parts, jobs: readonly ClaimedJob[]): string {
  let last: ClaimedJob | undefined;
  let common = "";
  return jobs.map((job) => {
    if (last === undefined || !alike(last, job)) common = commonText(parts, job);
    last = job;
    const { id, lease, runAtMs, createdAtMs, payload, meta, locked } = job;
    return `{"id":${JSON.stringify(id)},"lease":"${lease}",${common},` +
      `"runAt":"${instantText(runAtMs)}","createdAt":"${instantText(createdAtMs)}",` +
      `"payload":${payload}${meta === null ? "" : `,"meta":${meta}`}` +
      `${locked === undefined ? "" : `,"locked":${JSON.stringify(locked)}`}}`;
  }).join();
}

/** Whether {@linkcode commonText} says the same of both. */
function alike(a: ClaimedJob, b: ClaimedJob): boolean {
  return a.task === b.task && a.queue === b.queue && a.priority === b.priority &&
    a.attempt === b.attempt && a.maxAttempts === b.maxAttempts && a.options === b.options &&
    a.parentId === b.parentId;
}

/** What jobs have in common that were enqueued in the same words. */
function commonText(parts: Parts, job: ClaimedJob): string {
  const { task, queue, priority, attempt, maxAttempts, options, parentId } = job;
  const own = options === null ? NO_OPTIONS : decode(options) as OwnOptions;
  const { retry, timeoutMs } = withMaxAttempts(
    effectivePolicy(parts.tasks.get(task), own, parts.retentionMs),
    job,
  );
  const text = JSON.stringify({
    ...{ task, queue, priority, attempt, maxAttempts: retry.maxAttempts, timeout: timeoutMs },
    ...(parentId !== null && { parentId }),
    ...(own.schedule !== undefined && {
      schedule: { name: own.schedule.name, at: instantText(own.schedule.at) },
    }),
  });
  return `${text.slice(1, -1)},"own":{"maxAttempts":${maxAttempts},"options":${options}}`;
}

interface OwnOptions extends Policy {
  readonly schedule?: { readonly name: string; readonly at: number };
}

const NO_OPTIONS: OwnOptions = {};
