/**
 * Requests that come together go on together: an engine is faster with one step of many than with
 * all the steps of one, and what they store is one commit.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** However many go on coming, the first waits for no more turns of the event loop … */
const TURNS_MAX = 8;
/** … and for none that begins later than this. */
const LATE_MS = 2;

/** Resolves, for all who call it meanwhile, when a turn of the event loop brings no more. */
export function gathering(clock: Clock): () => Promise<void> {
  let came = 0;
  let gathered: Promise<void> | undefined;
  const gather = async (): Promise<void> => {
    try {
      const untilMs = clock.elapsedMs() + LATE_MS;
      for (let turn = 0, seen = 0; turn < TURNS_MAX && came > seen; turn++) {
        seen = came;
        await clock.turn();
        if (clock.elapsedMs() >= untilMs) break;
      }
    } finally {
      came = 0;
      gathered = undefined;
    }
  };
  return () => {
    came++;
    return gathered ??= gather();
  };
}
