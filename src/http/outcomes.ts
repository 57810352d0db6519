/**
 * From outcomes as other languages tell them to what the store settles, and back to what came of
 * them.
 *
 * @module
 */
import type { EndedAttempt } from "../announce.ts";
import { LOG_LINE_MAX_LENGTH } from "../attempt.ts";
import type { ApiBroker, Standing } from "../broker.ts";
import { decode, encode } from "../codec.ts";
import { durationMs } from "../duration.ts";
import { ErrandError, invalid } from "../errors.ts";
import type { JobErrorCode, LogLine } from "../job.ts";
import { toJobError } from "../job-error.ts";
import type { LogChunk, Outcome, Report } from "../outcome.ts";
import { afterFailure, type EffectivePolicy, effectivePolicy, withMaxAttempts } from "../policy.ts";
import type { Policy } from "../task.ts";
import type { Parts } from "../parts.ts";
import { reaches } from "./access.ts";
import type { Caller } from "./auth.ts";
import { within } from "./enqueue.ts";
import type { HeldJob, Hold, Ledger } from "./ledger.ts";
import type { FailureBody, HolderBody, OutcomeBody, ReportBody } from "./wire.ts";

/** What reading outcomes takes. */
export interface OutcomesHost {
  readonly parts: Parts;
  readonly api: ApiBroker;
  readonly ledger: Ledger;
}

/** An outcome, to be handed in. */
export interface Handed {
  readonly ended: EndedAttempt;
  /** The worker that the job was handed out to, when it holds the job still for all we know. */
  readonly worker: string | undefined;
}

type Known = Pick<HeldJob, "task" | "queue" | "attempt" | "maxAttempts" | "options" | "sinceMs"> & {
  readonly worker?: string;
};

/** What a job is taken for that is not there any more: nothing can come of its outcome. */
const GONE: Known = {
  ...{ task: "", queue: "", attempt: 0, maxAttempts: null, options: null, sinceMs: 0 },
};

/**
 * Everything that can be wrong with outcomes is found before any of them is stored.
 *
 * @throws {ErrandError} `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`; `FORBIDDEN` for a job of a queue that
 * is not the caller's.
 */
export async function readOutcomes(
  host: OutcomesHost,
  caller: Caller,
  bodies: readonly OutcomeBody[],
  at: (index: number) => readonly (string | number)[] = (index) => ["outcomes", index],
): Promise<readonly Handed[]> {
  checkOnce(bodies, at);
  const { parts } = host;
  const knows = await knowing(host, caller, bodies.map(({ job, lease }) => ({ id: job, lease })));
  const nowMs = parts.clock.elapsedMs();
  const policyOf = policies(parts);
  const handed: Handed[] = [];
  for (const [index, body] of bodies.entries()) {
    const { job: id, lease } = body;
    const known = knows({ id, lease }) ?? GONE;
    const path = at(index);
    const { task, queue, attempt, sinceMs, worker } = known;
    const ended = within(path, (): EndedAttempt => {
      const policy = policyOf(known);
      const outcome = outcomeOf(parts, body, known, policy);
      const job = { id, task, queue, attempt };
      const tookMs = Math.max(0, nowMs - sinceMs);
      return { id, lease, queue, job, retentionMs: retentionMs(body, policy), outcome, tookMs };
    });
    const report = reports(body)
      ? await readReport(host, body, known, `${lease} end`, path)
      : undefined;
    handed.push({ ended: report === undefined ? ended : { ...ended, report }, worker });
  }
  return handed;
}

/** Most outcomes come alone. */
function reports({ progress, payload, logs }: ReportBody): boolean {
  return progress !== undefined || payload !== undefined || logs !== undefined;
}

function checkOnce(
  bodies: readonly OutcomeBody[],
  at: (index: number) => readonly (string | number)[],
): void {
  const seen = new Map<string, Set<string>>();
  for (const [index, { job, lease }] of bodies.entries()) {
    const jobs = seen.get(lease) ?? new Set();
    if (jobs.has(job)) {
      const message = "has an outcome in this request already";
      throw invalid(`Cannot use the body: job ${job} ${message}`, [
        { message, path: [...at(index), "job"] },
      ]);
    }
    seen.set(lease, jobs.add(job));
  }
}

/**
 * What is known of jobs, here or in the database, which is asked once for all that are not.
 *
 * @throws {ErrandError} `FORBIDDEN` for a job of a queue that is not the caller's.
 */
export async function knowing(
  { parts, api, ledger }: OutcomesHost,
  caller: Caller,
  holds: readonly Hold[],
): Promise<(hold: Hold) => Known | undefined> {
  const strange = holds.filter((hold) => ledger.get(hold) === undefined);
  const found = strange.length === 0 ? [] : await api.standing(strange.map(({ id }) => id));
  const standing = new Map(found.map((job) => [job.id, job]));
  const { clock } = parts;
  const knows = (hold: Hold): Known | undefined => {
    const held = ledger.get(hold);
    const job = held === undefined ? standing.get(hold.id) : undefined;
    if (job === undefined) return held;
    const { worker, sinceMs, ...rest } = job;
    const ageMs = sinceMs === null ? 0 : clock.now() - sinceMs;
    const holds = isHeld(job, hold) && worker !== null;
    return { ...rest, sinceMs: clock.elapsedMs() - ageMs, ...(holds && { worker }) };
  };
  for (const hold of holds) {
    const known = knows(hold);
    if (known === undefined || reaches(caller, known.queue)) continue;
    throw new ErrandError(
      "FORBIDDEN",
      `Cannot use job ${hold.id}: it is of another queue than those of this token`,
    );
  }
  return knows;
}

function isHeld({ state, lease }: Standing, hold: Hold): boolean {
  return state === "running" && lease === hold.lease;
}

/** What holds for jobs; those that say the same in a row have the same. */
function policies({ tasks, retentionMs }: Parts): (known: Known) => EffectivePolicy {
  let last: Known | undefined;
  let policy: EffectivePolicy;
  return (known) => {
    const { task, options, maxAttempts } = known;
    const alike = task === last?.task && options === last.options &&
      maxAttempts === last.maxAttempts;
    last = known;
    if (alike) return policy;
    const own = options === null ? {} : decode(options) as Policy;
    return policy = withMaxAttempts(effectivePolicy(tasks.get(task), own, retentionMs), known);
  };
}

function retentionMs(
  { retention }: OutcomeBody,
  policy: EffectivePolicy,
): number | null {
  if (retention === undefined) return policy.retentionMs;
  return retention === "forever" ? null : durationMs(retention, "retention");
}

function outcomeOf(
  { clock, payloadLimitBytes }: Parts,
  body: OutcomeBody,
  { attempt }: Known,
  policy: EffectivePolicy,
): Outcome {
  const error = (of: string | FailureBody) => jobError(of, attempt, clock.now());
  switch (body.outcome) {
    case "complete": {
      const { result } = body;
      if (result === undefined || result === null) return { kind: "complete", result: null };
      const limits = { what: "result", limitBytes: payloadLimitBytes };
      return { kind: "complete", result: encode(result, limits).text };
    }
    case "fail": {
      const { retry = true } = body;
      if (retry === false) return { kind: "fail", error: error(body.error) };
      if (retry === true) return afterFailure(policy, error(body.error), () => clock.random());
      const delayMs = durationMs(retry.delay, "retry.delay");
      return { kind: "retry", error: error(body.error), delayMs };
    }
    case "snooze":
      return { kind: "snooze", delayMs: durationMs(body.delay, "delay") };
    case "release":
      return {
        kind: "release",
        ...(body.delay !== undefined && { delayMs: durationMs(body.delay, "delay") }),
        ...(body.error !== undefined && { error: error(body.error) }),
      };
  }
}

const CODES: readonly JobErrorCode[] = [
  ...["HANDLER", "TIMEOUT", "LEASE_EXPIRED", "NO_HANDLER", "INVALID_INPUT"] as const,
  ...["LOCKED", "CRASHED"] as const,
];

function jobError(of: string | FailureBody, attempt: number, at: number) {
  const { message, name = "Error", stack, code }: FailureBody = typeof of === "string"
    ? { message: of }
    : of;
  const known = CODES.find((each) => each === code) ?? "HANDLER";
  const thrown = Object.assign(new Error(message), { name, stack });
  return toJobError(thrown, { code: known, attempt, at });
}

/** What a handler said on the way. `before`: what the lines are told with, each once. */
export async function readReport(
  { parts }: Pick<OutcomesHost, "parts">,
  body: ReportBody,
  { attempt, task }: Pick<Known, "attempt" | "task">,
  before: string | undefined,
  path: readonly (string | number)[],
): Promise<Report | undefined> {
  const { progress, payload, logs = [], logsId } = body;
  const text = (what: "progress" | "payload", value: unknown): string =>
    within(path, () => encode(value, { what, limitBytes: parts.payloadLimitBytes }).text);
  if (payload !== undefined) await checkPayload(parts, task, payload, path);
  const chunk = logs.length === 0
    ? undefined
    : await chunkOf(parts, logs, attempt, logsId ?? before);
  if (progress === undefined && payload === undefined && chunk === undefined) return undefined;
  return {
    ...(payload !== undefined && { payload: text("payload", payload) }),
    ...(progress !== undefined && { progress: text("progress", progress) }),
    ...(chunk !== undefined && { logs: [chunk] }),
  };
}

async function checkPayload(
  { tasks }: Parts,
  task: string,
  payload: unknown,
  path: readonly (string | number)[],
): Promise<void> {
  const result = await tasks.get(task)?.input?.["~standard"].validate(payload);
  if (result?.issues === undefined) return;
  const [first] = result.issues;
  throw invalid(`Cannot update a job of task "${task}": ${first?.message}`, [
    { message: first?.message ?? "is no payload of the task", path: [...path, "payload"] },
  ]);
}

async function chunkOf(
  { clock }: Parts,
  logs: readonly (string | LogLine)[],
  attempt: number,
  id: string | undefined,
): Promise<LogChunk> {
  const lines = logs.map((line): LogLine => {
    const { message, ...of } = typeof line === "string"
      ? { at: clock.now(), attempt, message: line }
      : line;
    return { ...of, message: message.slice(0, LOG_LINE_MAX_LENGTH) };
  });
  return { id: id ?? await hashed(JSON.stringify(logs)), lines: JSON.stringify(lines) };
}

/** 128 bits of SHA-256, in hexadecimal digits. */
async function hashed(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const digits = [...new Uint8Array(bytes, 0, 16)].map((byte) =>
    byte.toString(16).padStart(2, "0")
  );
  return digits.join("");
}

/** Who has a job, as the loser of it is told. */
export function holderOf(job: Standing | undefined): HolderBody {
  if (job === undefined) return { state: null };
  const { state, lease, worker, sinceMs } = job;
  return {
    state,
    ...(state === "running" && lease !== null && { lease }),
    ...(state === "running" && worker !== null && { worker }),
    ...(sinceMs !== null && { since: new Date(sinceMs).toISOString() }),
  };
}
