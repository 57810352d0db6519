/**
 * What is to be stored, sealed: each value for its job and field. Without keys it stays plain, and
 * only what could be mistaken for an envelope is quoted.
 *
 * @module
 */
import type { NewJob } from "../job-terms.ts";
import type { JobError, LogLine } from "../job.ts";
import type { Completed, Held, LogChunk, Outcome, Report, Settlement } from "../outcome.ts";
import { type Envelope, quoted } from "./envelope.ts";
import { type KeyRing, type Place, schedulePlace } from "./key-ring.ts";

/** A job to be enqueued. */
export async function sealPayload(keys: KeyRing | undefined, job: NewJob): Promise<NewJob> {
  return { ...job, payload: await sealText(keys, job.id, "payload", job.payload) };
}

/** The end of an attempt. */
export async function sealSettlement(
  keys: KeyRing | undefined,
  settlement: Settlement,
): Promise<Settlement> {
  const [held, outcome] = await Promise.all([
    sealHeld(keys, settlement),
    sealOutcome(keys, settlement.id, settlement.outcome),
  ]);
  return { ...held, outcome };
}

/** The payload of a schedule. */
export async function sealSchedulePayload(
  keys: KeyRing | undefined,
  name: string,
  payload: string,
): Promise<string> {
  if (keys === undefined) return quoted(payload);
  return await sealPlace(keys, payload, schedulePlace(name));
}

/** A report. */
export async function sealHeld<H extends Held>(keys: KeyRing | undefined, held: H): Promise<H> {
  if (held.report === undefined) return held;
  return { ...held, report: await sealReport(keys, held.id, held.report) };
}

async function sealOutcome(
  keys: KeyRing | undefined,
  id: string,
  outcome: Outcome,
): Promise<Outcome> {
  switch (outcome.kind) {
    case "complete":
      return await sealCompleted(keys, id, outcome);
    case "snooze":
      return outcome;
    default: {
      const { error } = outcome;
      if (keys === undefined || error === undefined) return outcome;
      return { ...outcome, error: await sealError(keys, id, error) };
    }
  }
}

/** The outcome of a handler that returned. */
export async function sealCompleted<C extends Completed>(
  keys: KeyRing | undefined,
  id: string,
  outcome: C,
): Promise<C> {
  const { result } = outcome;
  return result === null
    ? outcome
    : { ...outcome, result: await sealText(keys, id, "result", result) };
}

async function sealReport(
  keys: KeyRing | undefined,
  id: string,
  report: Report,
): Promise<Report> {
  const { payload, progress, logs } = report;
  const [newPayload, newProgress, newLogs] = await Promise.all([
    payload === undefined ? payload : sealText(keys, id, "payload", payload),
    progress === undefined ? progress : sealText(keys, id, "progress", progress),
    keys === undefined ? logs : logs && Promise.all(logs.map((of) => sealChunk(keys, id, of))),
  ]);
  return {
    ...(newPayload !== undefined && { payload: newPayload }),
    ...(newProgress !== undefined && { progress: newProgress }),
    ...(newLogs !== undefined && { logs: newLogs }),
  };
}

async function sealText(
  keys: KeyRing | undefined,
  id: string,
  field: string,
  text: string,
): Promise<string> {
  return keys === undefined ? quoted(text) : await sealPlace(keys, text, [id, field]);
}

async function sealPlace(keys: KeyRing, text: string, place: Place): Promise<string> {
  return JSON.stringify({ $enc: await keys.seal(text, place) } satisfies Envelope);
}

/** Code, attempt and time stay plain, and cannot be changed unseen. */
async function sealError(keys: KeyRing, id: string, error: JobError): Promise<JobError & Envelope> {
  const { code, attempt, at, ...secret } = error;
  const $enc = await keys.seal(JSON.stringify(secret), [id, "error", code, attempt, at]);
  return { code, name: "", message: "", attempt, at, $enc };
}

/** The lines of a chunk as one, with the time and the attempt of the first. */
async function sealChunk(keys: KeyRing, id: string, { id: chunk, lines }: LogChunk) {
  const [first] = JSON.parse(lines) as LogLine[];
  if (first === undefined) return { id: chunk, lines };
  const { at, attempt } = first;
  const $enc = await keys.seal(lines, [id, "log", attempt, at]);
  const line: LogLine & Envelope = { at, attempt, message: "", $enc };
  return { id: chunk, lines: JSON.stringify([line]) };
}
