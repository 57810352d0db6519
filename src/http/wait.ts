/**
 * How long a request waits.
 *
 * @module
 */
import { type Duration, durationMs } from "../duration.ts";
import type { Call } from "./route.ts";

/** Milliseconds of `wait`, and no longer than the API allows. */
export function waitMs({ settings }: Pick<Call, "settings">, wait: Duration | undefined): number {
  return wait === undefined ? 0 : Math.min(durationMs(wait, "wait"), settings.waitLimitMs);
}

/** Aborts when the caller has gone, or the server is about to end. */
export function waitSignal({ request, settings: { stopping } }: Waiter): AbortSignal {
  return stopping === undefined ? request.signal : AbortSignal.any([request.signal, stopping]);
}

type Waiter = Pick<Call, "request" | "settings">;
