/**
 * The work of a worker, over HTTP: outcomes handed in, jobs claimed, leases prolonged.
 *
 * @module
 */
import type {
  ClaimedJob,
  ExchangeAnswer,
  ExchangeRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
} from "../broker.ts";
import type { BeatenBody, ClaimBody, ClaimedBody, ClaimedJobBody } from "../http/wire.ts";
import { ErrandError } from "../errors.ts";
import type { JobError } from "../job.ts";
import type { Held, Outcome, Report, Settlement } from "../outcome.ts";
import { retention } from "./new-jobs.ts";
import { halving, isTooLarge, ITEMS_MAX, type Part, partsOf } from "./parts.ts";
import type { Ask, Requests } from "./requests.ts";

/** Some gateways give a request up that is silent for half a minute. */
const WAIT_MS = 25_000;

/**
 * Hands in outcomes and claims: in one request, unless there are more outcomes than go in one. With
 * `patience` the claim waits for a job; when that aborts, or the wait fails, it is made again
 * without, under the same id: so its answer has what may have been claimed in between.
 */
export async function exchange(
  requests: Requests,
  request: ExchangeRequest,
  patience?: AbortSignal,
): Promise<ExchangeAnswer> {
  const { settlements, closedLeases, worker } = request;
  await earlierLines(requests, settlements);
  const lost = new Set<string>();
  const send = async (
    texts: readonly string[],
    rest: Partial<ClaimBody>,
    ask: Pick<Ask, "waitMs" | "signal" | "once"> = {},
  ): Promise<ClaimedBody> => {
    const { waitMs: wait } = ask;
    const body = JSON.stringify({ worker, limit: 0, ...rest, wait }).slice(0, -1);
    const answer = await requests.send<ClaimedBody>("/v1/claims", {
      ...ask,
      body: `${body},"outcomes":[${texts.join()}]}`,
    });
    for (const { job, stored } of answer.outcomes) if (!stored) lost.add(job);
    return answer;
  };
  const handIn = async ({ from, texts }: Part): Promise<void> => {
    await send(texts, {}).catch((error) => {
      if (texts.length > 1 || !isTooLarge(error)) throw error;
      return send([withoutResult(settlements[from]!)], {});
    });
  };
  const parts = partsOf(settlements.map(outcomeText));
  const last = parts.pop();
  for (const part of parts) await halving(part, handIn);
  const rest = { ...claimBody(request), ...(closedLeases.length > 0 && { close: closedLeases }) };
  const wait = patience && { waitMs: WAIT_MS, signal: patience, once: true };
  const answer = await send(last?.texts ?? [], rest, wait).catch(async (error) => {
    if (patience?.aborted) return await send(last?.texts ?? [], rest, { once: true });
    if (patience !== undefined && isUnavailable(error)) return await send(last?.texts ?? [], rest);
    if (last === undefined || !isTooLarge(error)) throw error;
    await halving(last, handIn);
    return await send([], rest);
  });
  const { jobs, nextDueIn } = answer;
  return {
    jobs: jobs.map(toClaimed),
    lost,
    ...(nextDueIn !== undefined && { nextDueMs: nextDueIn }),
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ErrandError && error.code === "DATABASE_UNAVAILABLE";
}

function claimBody({ claim }: ExchangeRequest): Partial<ClaimBody> {
  if (claim === undefined) return {};
  const most = (limit: number): number => Math.min(limit, ITEMS_MAX);
  return {
    id: claim.lease,
    lease: claim.leaseMs,
    limit: most(claim.limit),
    queues: Object.fromEntries(claim.queues.map(({ queue, limit }) => [queue, most(limit)])),
  };
}

function toClaimed(body: ClaimedJobBody): ClaimedJob {
  const { own, meta, parentId, locked } = body;
  return {
    id: body.id,
    lease: body.lease,
    task: body.task,
    queue: body.queue,
    priority: body.priority,
    attempt: body.attempt,
    maxAttempts: own.maxAttempts,
    runAtMs: Date.parse(body.runAt),
    createdAtMs: Date.parse(body.createdAt),
    parentId: parentId ?? null,
    payload: JSON.stringify(body.payload ?? null),
    options: own.options === null ? null : JSON.stringify(own.options),
    meta: meta === undefined ? null : JSON.stringify(meta),
    ...(locked !== undefined && { locked }),
  };
}

// ─── outcomes and reports; results, payloads and lines are JSON already ───

function outcomeText(settlement: Settlement): string {
  const { id, lease, queue, retentionMs, outcome, report } = settlement;
  const head = { job: id, lease, queue, retention: retention(retentionMs), ...worded(outcome) };
  const result = outcome.kind === "complete" ? `,"result":${outcome.result ?? "null"}` : "";
  const { logs = [] } = report ?? {};
  const last = report && { ...report, logs: logs.slice(-1) };
  return `${JSON.stringify(head).slice(0, -1)}${result}${reportText(last)}}`;
}

function worded(outcome: Outcome): object {
  switch (outcome.kind) {
    case "complete":
      return { outcome: "complete" };
    case "fail":
      return { outcome: "fail", error: failure(outcome.error), retry: false };
    case "retry": {
      const { error, delayMs } = outcome;
      return { outcome: "fail", error: failure(error), retry: { delay: delayMs } };
    }
    case "snooze":
      return { outcome: "snooze", delay: outcome.delayMs };
    case "release": {
      const { delayMs: delay, error } = outcome;
      return { outcome: "release", delay, ...(error !== undefined && { error: failure(error) }) };
    }
  }
}

/** The server knows which attempt it was, and when. */
function failure({ code, name, message, stack }: JobError): object {
  return { code, name, message, stack };
}

/** What is left of a completion that no server takes: it must not keep the others waiting. */
function withoutResult(settlement: Settlement): string {
  const message = "Cannot store the result: the server takes no request so large";
  const error = { code: "HANDLER", name: "ErrandError", message, attempt: 0, at: 0 } as const;
  const { report: _, ...rest } = settlement;
  return outcomeText({ ...rest, outcome: { kind: "fail", error } });
}

/** With one chunk of lines at most. */
function reportText({ payload, progress, logs: [chunk] = [] }: Report = {}): string {
  return [
    payload === undefined ? "" : `,"payload":${payload}`,
    progress === undefined ? "" : `,"progress":${progress}`,
    chunk === undefined ? "" : `,"logs":${chunk.lines},"logsId":${JSON.stringify(chunk.id)}`,
  ].join("");
}

// ─── heartbeats ───

/** Prolongs leases and saves reports. */
export async function heartbeat(
  requests: Requests,
  { leaseMs, leases, held, worker }: HeartbeatRequest,
): Promise<HeartbeatAnswer> {
  const head = JSON.stringify({ leases, lease: leaseMs, worker }).slice(0, -1);
  const lost = new Map<string, HeartbeatAnswer["lost"][number]>();
  let command: HeartbeatAnswer["command"];
  const send = async ({ texts }: Part): Promise<void> => {
    const answer = await requests.send<BeatenBody>("/v1/leases/heartbeat", {
      body: `${head},"jobs":[${texts.join()}]}`,
    });
    for (const { job: id, state } of answer.lost) lost.set(id, { id, state });
    command = answer.command ?? command;
  };
  const parts = partsOf(held.flatMap(heldTexts));
  for (const part of parts.length > 0 ? parts : [NOTHING]) await halving(part, send);
  return { lost: [...lost.values()], ...(command !== undefined && { command }) };
}

const NOTHING: Part = { from: 0, texts: [""] };

/** One for each chunk of lines, as each has an id that makes saving it twice harmless. */
function heldTexts({ id, lease, report }: Held): string[] {
  const head = JSON.stringify({ job: id, lease }).slice(0, -1);
  const { logs = [], ...rest } = report ?? {};
  if (logs.length < 2) return [`${head}${reportText(report)}}`];
  return logs.map((chunk, at) => `${head}${reportText({ ...(at === 0 && rest), logs: [chunk] })}}`);
}

/** There is no lease to be prolonged by it. */
const ANY_MS = 30_000;

/** An outcome carries one chunk of lines: those before it go ahead. */
async function earlierLines(
  requests: Requests,
  settlements: readonly Settlement[],
): Promise<void> {
  const held = settlements.flatMap(({ id, queue, lease, report }) => {
    const logs = report?.logs?.slice(0, -1) ?? [];
    return logs.length > 0 ? [{ id, queue, lease, report: { logs } }] : [];
  });
  if (held.length > 0) await heartbeat(requests, { leaseMs: ANY_MS, leases: [], held });
}
