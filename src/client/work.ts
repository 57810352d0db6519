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
import { systemClock } from "../clock.ts";
import { ErrandError } from "../errors.ts";
import type { JobError } from "../job.ts";
import type { Held, Outcome, Report, Settlement } from "../outcome.ts";
import { retention } from "./new-jobs.ts";
import { halving, isUnfit, ITEMS_MAX, type Part, partsOf } from "./parts.ts";
import type { Ask, Requests } from "./requests.ts";

/** Some gateways give a request up that is silent for half a minute. */
const WAIT_MS = 25_000;

/**
 * Hands in outcomes and claims: in one request, unless there are more outcomes than go in one. With
 * `patience` the claim waits for a job; when that aborts, or the wait fails, it is made again
 * without, under the same id: so its answer has what may have been claimed in between. An outcome
 * that is refused for what is in it fails its attempt, and keeps no other waiting.
 */
export async function exchange(
  requests: Requests,
  request: ExchangeRequest,
  patience?: AbortSignal,
): Promise<ExchangeAnswer> {
  const { settlements, closedLeases, worker } = request;
  const dropped = [...await report(requests, earlierLines(settlements))];
  const lost = new Set<string>();
  const failed = new Map<string, JobError>();
  const send = async (
    texts: readonly string[],
    rest: Partial<ClaimBody> = {},
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
    let refusal = await refusalOf(send(texts));
    if (refusal !== undefined && texts.length > 1) throw refusal;
    const whole = settlements[from]!;
    const { report: said, ...settlement } = whole;
    if (refusal !== undefined && said !== undefined) {
      dropped.push(...await report(requests, [whole]));
      refusal = await refusalOf(send([outcomeText(settlement)]));
    }
    if (refusal === undefined) return;
    const error = unstorable(refusal);
    await send([outcomeText({ ...settlement, outcome: { kind: "fail", error } })]);
    failed.set(settlement.id, error);
  };
  const parts = partsOf(settlements.map(outcomeText));
  const last = parts.pop();
  for (const part of parts) await halving(part, handIn, isUnfit);
  const rest = { ...claimBody(request), ...(closedLeases.length > 0 && { close: closedLeases }) };
  const wait = patience && { waitMs: WAIT_MS, signal: patience, once: true };
  const answer = await send(last?.texts ?? [], rest, wait).catch(async (error) => {
    if (patience?.aborted) return await send(last?.texts ?? [], rest, { once: true });
    if (patience !== undefined && isUnavailable(error)) return await send(last?.texts ?? [], rest);
    if (last === undefined || !isUnfit(error)) throw error;
    await halving(last, handIn, isUnfit);
    return await send([], rest);
  });
  const { jobs, nextDueIn } = answer;
  return {
    jobs: jobs.map(toClaimed),
    lost,
    ...(failed.size > 0 && { failed }),
    ...(dropped.length > 0 && { dropped }),
    ...(nextDueIn !== undefined && { nextDueMs: nextDueIn }),
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ErrandError && error.code === "DATABASE_UNAVAILABLE";
}

/** Why a request was refused for what is in it; `undefined` when it was not. */
async function refusalOf(sent: Promise<unknown>): Promise<ErrandError | undefined> {
  try {
    await sent;
    return undefined;
  } catch (error) {
    if (isUnfit(error)) return error;
    throw error;
  }
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

/** How an attempt fails whose outcome was refused; the server knows which attempt it was. */
function unstorable({ name, message }: ErrandError): JobError {
  const thrown = { name, message: `Cannot store the outcome: ${message}` };
  return { code: "HANDLER", ...thrown, attempt: 0, at: systemClock.now() };
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

/**
 * Prolongs leases and saves reports. Where these are refused for what is in one of them, the leases
 * go ahead, and that one is dropped.
 */
export async function heartbeat(
  requests: Requests,
  { leaseMs, leases, held, worker }: HeartbeatRequest,
): Promise<HeartbeatAnswer> {
  const head = JSON.stringify({ leases, lease: leaseMs, worker }).slice(0, -1);
  const lost = new Map<string, HeartbeatAnswer["lost"][number]>();
  const dropped: ErrandError[] = [];
  let command: HeartbeatAnswer["command"];
  const send = async (texts: readonly string[]): Promise<void> => {
    const answer = await requests.send<BeatenBody>("/v1/leases/heartbeat", {
      body: `${head},"jobs":[${texts.join()}]}`,
    });
    for (const { job: id, state } of answer.lost) lost.set(id, { id, state });
    command = answer.command ?? command;
  };
  const apart = async (told: readonly Told[]): Promise<void> => {
    const heads = told.map(({ head }) => head);
    await halving({ from: 0, texts: heads }, ({ texts }) => send(texts));
    const pieces = told.flatMap(piecesOf);
    const save = async ({ from, texts }: Part): Promise<void> => {
      const refusal = await refusalOf(send(texts));
      if (refusal === undefined) return;
      if (texts.length > 1) throw refusal;
      dropped.push(unsaved(pieces[from]!.id, refusal));
    };
    for (const part of partsOf(pieces.map(toldText))) await halving(part, save, isUnfit);
  };
  const told = held.flatMap(toldOf);
  const parts = partsOf(told.map(toldText));
  for (const { from, texts } of parts.length > 0 ? parts : [NOTHING]) {
    const refusal = await refusalOf(send(texts));
    if (refusal !== undefined) await apart(told.slice(from, from + texts.length));
  }
  return {
    lost: [...lost.values()],
    ...(command !== undefined && { command }),
    ...(dropped.length > 0 && { dropped }),
  };
}

const NOTHING: Part = { from: 0, texts: [""] };

/** A job that is held, with what one item of a request can say of it. */
interface Told {
  readonly id: string;
  /** The job and its lease, in JSON. */
  readonly head: string;
  readonly report: Report;
}

/** One for each chunk of lines, as each has an id that makes saving it twice harmless. */
function toldOf({ id, lease, report = {} }: Held): Told[] {
  const head = JSON.stringify({ job: id, lease });
  const { logs = [], ...rest } = report;
  if (logs.length < 2) return [{ id, head, report }];
  return logs.map((chunk, at) => ({ id, head, report: { ...(at === 0 && rest), logs: [chunk] } }));
}

function toldText({ head, report }: Told): string {
  return `${head.slice(0, -1)}${reportText(report)}}`;
}

/** One for each thing that is said, so that what is refused takes nothing else with it. */
function piecesOf({ report, ...of }: Told): Told[] {
  return Object.entries(report).map(([what, value]) => ({ ...of, report: { [what]: value } }));
}

function unsaved(id: string, refusal: ErrandError): ErrandError {
  const { code, message } = refusal;
  const issues = code === "INVALID_INPUT" ? [{ message, path: [] }] : [];
  const act = `Cannot save what job ${id} has reported, which is dropped`;
  return new ErrandError(code, `${act}: ${message}`, { cause: refusal, issues });
}

/** There is no lease to be prolonged by it. */
const ANY_MS = 30_000;

/** Saves what outcomes cannot carry, and answers why some of it was dropped. */
async function report(
  requests: Requests,
  held: readonly Held[],
): Promise<readonly ErrandError[]> {
  if (held.length === 0) return [];
  return (await heartbeat(requests, { leaseMs: ANY_MS, leases: [], held })).dropped ?? [];
}

/** An outcome carries one chunk of lines: those before it go ahead. */
function earlierLines(settlements: readonly Settlement[]): readonly Held[] {
  return settlements.flatMap(({ id, queue, lease, report }) => {
    const logs = report?.logs?.slice(0, -1) ?? [];
    return logs.length > 0 ? [{ id, queue, lease, report: { logs } }] : [];
  });
}
