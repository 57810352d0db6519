/**
 * What was stored, opened. What cannot be opened is marked, and never keeps the rest from being
 * read.
 *
 * @module
 */
import type { ClaimedJob } from "../broker.ts";
import { decode } from "../codec.ts";
import type { Job, JobError, Lock, LogLine } from "../job.ts";
import {
  carriesEnvelope,
  type EnvelopeBody,
  isEnvelope,
  looksSealed,
  QUOTED_VERSION,
} from "./envelope.ts";
import {
  type KeyRing,
  type Opened,
  openWithoutKey,
  type Place,
  schedulePlace,
} from "./key-ring.ts";

/** A job with its parts opened, or with the reason why one of them could not be. */
export async function openJob(keys: KeyRing | undefined, job: Job): Promise<Job> {
  const { payload, result, progress, error: _, errors, ...plain } = job;
  const { schedule } = plain as Occurrence;
  const [input, output, reported, ...failed] = await Promise.all([
    openPart(keys, payload, payloadPlaces(job.id, schedule?.name)),
    openPart(keys, result, [[job.id, "result"]]),
    openPart(keys, progress, [[job.id, "progress"]]),
    ...errors.map((error) => openError(keys, job.id, error)),
  ]);
  const { lock } = [input, output, reported, ...failed].find(({ lock }) => lock) ?? {};
  const opened = failed.map(({ error }) => error);
  const last = opened.at(-1);
  return {
    ...plain,
    payload: input.value,
    ...(output.value !== undefined && { result: output.value }),
    ...(reported.value !== undefined && { progress: reported.value }),
    ...(last !== undefined && { error: last }),
    errors: opened,
    ...(lock !== undefined && { locked: lock }),
  };
}

/** A claimed job with its payload opened, or the reason why it could not be. */
export async function openClaimed(
  keys: KeyRing | undefined,
  job: ClaimedJob,
): Promise<ClaimedJob> {
  const value: unknown = looksSealed(job.payload) ? JSON.parse(job.payload) : undefined;
  if (!isEnvelope(value)) return job;
  const { schedule } = (decode(job.options) ?? {}) as Occurrence;
  const opened = await openFirst(keys, value.$enc, payloadPlaces(job.id, schedule?.name));
  return "lock" in opened ? { ...job, locked: opened.lock } : { ...job, payload: opened.text };
}

/** The payload of a schedule, as it was decoded, or the reason why it could not be opened. */
export function openSchedulePayload(
  keys: KeyRing | undefined,
  name: string,
  payload: unknown,
): Promise<Part> {
  return openPart(keys, payload, [schedulePlace(name)]);
}

/** Log lines; a chunk of them that cannot be opened is one line that says so. */
export async function openLines(
  keys: KeyRing | undefined,
  id: string,
  lines: readonly LogLine[],
): Promise<readonly LogLine[]> {
  if (!lines.some(carriesEnvelope)) return lines;
  const chunks = await Promise.all(lines.map(async (line): Promise<readonly LogLine[]> => {
    if (!carriesEnvelope(line)) return [line];
    const { at, attempt } = line;
    const opened = await openBody(keys, line.$enc, [id, "log", attempt, at]);
    if ("text" in opened) return JSON.parse(opened.text) as LogLine[];
    return [{ at, attempt, message: `(locked: ${opened.lock.message})` }];
  }));
  return chunks.flat();
}

/** A value, or why it stays closed. */
export interface Part {
  readonly value?: unknown;
  readonly lock?: Lock;
}

/** A job that a schedule has enqueued. */
interface Occurrence {
  readonly schedule?: { readonly name: string };
}

/** An occurrence has the schedule's own ciphertext, until its handler updates the payload. */
function payloadPlaces(id: string, schedule: string | undefined): readonly Place[] {
  const own: Place = [id, "payload"];
  return schedule === undefined ? [own] : [own, schedulePlace(schedule)];
}

async function openPart(
  keys: KeyRing | undefined,
  value: unknown,
  places: readonly Place[],
): Promise<Part> {
  if (!isEnvelope(value)) return { value };
  const opened = await openFirst(keys, value.$enc, places);
  return "lock" in opened ? opened : { value: JSON.parse(opened.text) };
}

/** What was sealed for one of these places. */
async function openFirst(
  keys: KeyRing | undefined,
  body: EnvelopeBody,
  places: readonly Place[],
): Promise<Opened> {
  const opened = await Promise.all(places.map((place) => openBody(keys, body, place)));
  return opened.find((one) => "text" in one) ?? opened[0]!;
}

async function openError(
  keys: KeyRing | undefined,
  id: string,
  error: JobError,
): Promise<{ readonly error: JobError; readonly lock?: Lock }> {
  if (!carriesEnvelope(error)) return { error };
  const { code, attempt, at, $enc } = error;
  const opened = await openBody(keys, $enc, [id, "error", code, attempt, at]);
  if ("text" in opened) {
    const { name, message, stack } = JSON.parse(opened.text) as JobError;
    return { error: { code, name, message, ...(stack !== undefined && { stack }), attempt, at } };
  }
  const { lock } = opened;
  return { error: { code, name: "Locked", message: lock.message, attempt, at }, lock };
}

function openBody(
  keys: KeyRing | undefined,
  body: EnvelopeBody,
  place: Place,
): Opened | Promise<Opened> {
  if (keys === undefined || body[0] === QUOTED_VERSION) return openWithoutKey(body);
  return keys.open(body, place);
}
