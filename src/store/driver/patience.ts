/**
 * How a driver waits for other writers: bounded, with growing and jittered pauses that leave the
 * event loop free.
 *
 * @module
 */
import { sleep, systemClock } from "../../clock.ts";
import { ErrandError } from "../../errors.ts";
import { isBusy } from "./faults.ts";

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 60;

/** Runs `attempt` until it finds the database free, or until `untilMs` of the system's clock. */
export async function patiently<T>(
  attempt: () => T | Promise<T>,
  patienceMs: number,
  untilMs: number = systemClock.elapsedMs() + patienceMs,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (systemClock.elapsedMs() >= untilMs) {
        throw busyError(patienceMs, error);
      }
    }
    await sleep(systemClock, pauseMs * (0.5 + systemClock.random()));
  }
}

/** The error of a call that has waited for so long. */
export function busyError(patienceMs: number, cause?: unknown): ErrandError {
  return new ErrandError(
    "DATABASE_BUSY",
    `Cannot write to the database: other writers held its lock for ${patienceMs} ms; ` +
      `nothing was written, try again or raise busyTimeout`,
    cause === undefined ? {} : { cause },
  );
}
