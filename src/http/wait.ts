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

/** A signal for as long as something waits. */
export interface WaitSignal {
  /** Aborts when the caller has gone, the server is about to end, or another signal aborts. */
  readonly signal: AbortSignal;
  /** Leaves nothing behind: the server's signal outlives all that wait. */
  release(): void;
}

/** The signal of a request that waits; `other` may end its wait too. */
export function waitSignal(
  { request, settings: { stopping } }: Waiter,
  other?: AbortSignal,
): WaitSignal {
  const ended = new AbortController();
  const sources = [request.signal, stopping, other].filter((signal) => signal !== undefined)
    .map((signal) => ({ signal, end: () => ended.abort(signal.reason) }));
  for (const { signal, end } of sources) {
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  }
  const release = (): void =>
    sources.forEach(({ signal, end }) => signal.removeEventListener("abort", end));
  return { signal: ended.signal, release };
}

/** What `work` comes to, which waits until its signal aborts at the latest. */
export async function waiting<Value>(
  waiter: Waiter,
  work: (signal: AbortSignal) => Promise<Value>,
  other?: AbortSignal,
): Promise<Value> {
  const { signal, release } = waitSignal(waiter, other);
  try {
    return await work(signal);
  } finally {
    release();
  }
}

type Waiter = Pick<Call, "request" | "settings">;
