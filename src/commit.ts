/**
 * Storing a completion that has statements: a batch of its own, repeated until its end is known.
 *
 * @module
 */
import type { Broker, CompletionAnswer } from "./broker.ts";
import { type Clock, jittered, sleep } from "./clock.ts";
import type { Events } from "./events.ts";
import type { Completed, Settlement } from "./outcome.ts";

/** A completion with statements, to be stored. */
export interface Commit extends Settlement {
  readonly outcome: Completed;
}

/** What became of it; `unknown` when `signal` aborted before that could be told. */
export type CommitEnd = CompletionAnswer | { readonly kind: "unknown" };

/** What storing takes. */
export interface CommitHost {
  readonly broker: Pick<Broker, "complete">;
  readonly clock: Clock;
  readonly events: Events;
}

/** In about eleven seconds; then the attempt fails with the database's error. */
const TRIES = 8;
const PAUSE_FIRST_MS = 100;
const PAUSE_MOST_MS = 5_000;

/** Stores `commit`; resolves when it is stored, lost, or refused. Never rejects. */
export async function commit(
  host: CommitHost,
  commit: Commit,
  signal: AbortSignal,
): Promise<CommitEnd> {
  const { broker, clock, events } = host;
  let last: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return await broker.complete({ ...commit, repeated: tries > 0 });
    } catch (error) {
      last = error;
      events.emit("error", { error, during: "complete" });
    }
    if (signal.aborted) return { kind: "unknown" };
    const pauseMs = Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** tries);
    await sleep(clock, jittered(clock, pauseMs, 0.3), signal);
  }
  return { kind: "refused", error: last };
}
