/**
 * What an Errand is made of, for what is built upon it and ships with it.
 *
 * @module
 */
import type { Intake } from "./intake.ts";
import type { Nudge } from "./nudge.ts";
import type { QueueDefaults } from "./queue-defaults.ts";
import type { Waiting } from "./waiting.ts";
import type { WorkerHost } from "./worker-options.ts";

/** What an Errand is made of, for what is built upon it. */
export interface Parts extends Omit<WorkerHost, "stopped"> {
  readonly queueDefaults: QueueDefaults;
  readonly nudge: Nudge | undefined;
  readonly waiting: Waiting;
  readonly intake: Intake;
  /** What is to stop before the database is closed. */
  readonly closers: Set<() => Promise<void>>;
  /** Whether a worker of this Errand is at work. */
  works(): boolean;
}

const parts = new WeakMap<object, Parts>();

/** What `errand` is made of. */
export function partsOf(errand: object): Parts {
  return parts.get(errand)!;
}

/** Keeps the parts of an Errand, for {@linkcode partsOf}. */
export function keepParts(errand: object, made: Parts): void {
  parts.set(errand, made);
}
