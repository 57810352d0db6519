/**
 * Whether there is anything to seal or to open: where there is not, as is so nearly always, the
 * code that would do it is not even loaded.
 *
 * @module
 */
import type { Job } from "../job.ts";
import type { Held, Settlement } from "../outcome.ts";
import { carriesEnvelope, isEnvelope, looksSealed } from "./envelope.ts";

/** What seals. */
export const sealing = (): Promise<typeof import("./seal.ts")> => import("./seal.ts");

/** What opens. */
export const opening = (): Promise<typeof import("./open.ts")> => import("./open.ts");

/** Whether without keys there is nothing to seal. */
export function isPlain({ report, outcome }: Held & Partial<Settlement>): boolean {
  const result = outcome?.kind === "complete" ? outcome.result : null;
  return isOrdinary(result) && isOrdinary(report?.payload) && isOrdinary(report?.progress);
}

function isOrdinary(text: string | null | undefined): boolean {
  return text === null || text === undefined || !looksSealed(text);
}

/** Whether any part of a job is to be opened. */
export function isSealed({ payload, result, progress, errors }: Job): boolean {
  return isEnvelope(payload) || isEnvelope(result) || isEnvelope(progress) ||
    errors.some(carriesEnvelope);
}
