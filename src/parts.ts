/**
 * What an Errand is made of, for what is built upon it and ships with it.
 *
 * @module
 */
import type { EnqueuedJob } from "./job.ts";
import type { Prepared } from "./new-job.ts";
import type { Nudge } from "./nudge.ts";
import type { OnceKey } from "./once.ts";
import type { QueueDefaults } from "./queue-defaults.ts";
import type { Waiting } from "./waiting.ts";
import type { WorkerHost } from "./worker-options.ts";

/** What an Errand is made of, for what is built upon it. */
export interface Parts extends Omit<WorkerHost, "stopped"> {
  readonly queueDefaults: QueueDefaults;
  readonly nudge: Nudge | undefined;
  readonly waiting: Waiting;
  /** Stores what was prepared, together with what else is enqueued in this turn. */
  enqueue(jobs: readonly Prepared[]): Promise<EnqueuedJob[]>;
  /** The same a turn later: requests that have come together are answered by one commit. */
  enqueueTogether(jobs: readonly Prepared[]): Promise<EnqueuedJob[]>;
  /** Stores it on behalf of a request that may come again. */
  enqueueOnce(jobs: readonly Prepared[], key: OnceKey): Promise<EnqueuedJob[]>;
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
