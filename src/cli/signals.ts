/**
 * How a process is asked to end.
 *
 * @module
 */
import process from "node:process";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Aborts at the first signal; the second one ends the process at once. */
export function endSignal(): AbortSignal {
  const ending = new AbortController();
  const heard = (signal: string): void => {
    if (ending.signal.aborted) process.exit(1);
    ending.abort(signal);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return ending.signal;
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
