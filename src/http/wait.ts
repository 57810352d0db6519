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

/** Aborts when the caller has gone, the server is about to end, or `other` aborts. */
export function waitSignal(
  { request, settings: { stopping } }: Waiter,
  other?: AbortSignal,
): AbortSignal {
  const signals = [request.signal, stopping, other].filter((signal) => signal !== undefined);
  return signals.length === 1 ? request.signal : AbortSignal.any(signals);
}

type Waiter = Pick<Call, "request" | "settings">;
