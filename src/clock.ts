/**
 * Time and chance, in one place: nothing else in the library reads a clock, sets a timer or draws
 * a random number, so that a test decides all three.
 *
 * @module
 */

/** Where the library takes time and chance from. */
export interface Clock {
  /** Milliseconds since the epoch, by this machine. */
  now(): number;
  /** The instant that SQL shall take for now; `null` leaves it to the database's own clock. */
  databaseNow(): number | null;
  /** Runs `run` after `delayMs`; returns what cancels it. */
  timer(delayMs: number, run: () => void): () => void;
  /** Resolves in a later turn of the event loop, when what is ready now has run. */
  turn(): Promise<void>;
  /** A number from 0 (included) to 1 (excluded). */
  random(): number;
  /** Milliseconds since some fixed moment, never going back. */
  elapsedMs(): number;
}

/** The longest delay that `setTimeout` takes; longer ones fire in several steps. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The clock of the machine and, for due times and leases, of the database. */
export const systemClock: Clock = {
  now: () => Date.now(),
  databaseNow: () => null,
  timer: startTimer,
  turn: "setImmediate" in globalThis
    ? () => new Promise((resolve) => setImmediate(resolve))
    : () => new Promise((resolve) => setTimeout(resolve, 0)),
  random: () => Math.random(),
  elapsedMs: () => performance.now(),
};

function startTimer(delayMs: number, run: () => void): () => void {
  const wait = (leftMs: number): void => {
    handle = leftMs > TIMER_MAX_MS
      ? setTimeout(wait, TIMER_MAX_MS, leftMs - TIMER_MAX_MS)
      : setTimeout(run, Math.max(0, leftMs));
  };
  let handle: ReturnType<typeof setTimeout> | undefined;
  wait(delayMs);
  return () => clearTimeout(handle);
}

/** Resolves after `delayMs` of `clock`, or at once when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.timer(delayMs, end);
    signal?.addEventListener("abort", end);
  });
}

/** `delayMs` with up to `fraction` of it added or taken away by chance. */
export function jittered(clock: Clock, delayMs: number, fraction: number): number {
  return delayMs * (1 + fraction * (2 * clock.random() - 1));
}

/** What `work` comes to, or `undefined` at `untilMs` of `clock`: then it goes on unheard. */
export async function before<T>(
  clock: Clock,
  untilMs: number,
  work: Promise<T>,
): Promise<T | undefined> {
  if (untilMs === Infinity) return await work;
  let cancel: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.timer(untilMs - clock.elapsedMs(), () => resolve(undefined));
  });
  work.catch(() => {}); // when nobody waits for it any more
  return await Promise.race([work, late]).finally(cancel);
}
