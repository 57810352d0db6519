/**
 * The part of the seam that tells of changes to jobs. Nothing is recorded, and nothing costs
 * anything, unless somebody has asked for it lately.
 *
 * @module
 */
import type { ChangeEvent } from "./change.ts";
import type { Job, JobState } from "./job.ts";

/** Which changes are asked for; absent conditions let all through. */
export interface ChangeQuery {
  readonly ids?: readonly string[];
  readonly states?: readonly JobState[];
  readonly events?: readonly ChangeEvent[];
  readonly queue?: string;
  readonly task?: string;
  readonly parentId?: string;
}

/** Which changes to read. */
export interface ChangesRequest {
  readonly after: string;
  readonly query: ChangeQuery;
  /** How many changes to look at, whether they fit or not. */
  readonly limit: number;
  /** Ends the waiting of a feed that waits. */
  readonly signal?: AbortSignal;
}

/** A change as it was recorded. */
export interface StoredChange {
  readonly cursor: string;
  readonly event: ChangeEvent;
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly state: JobState;
  readonly atMs: number;
}

/** A stretch of the feed. */
export interface ChangePage {
  /** In the order of their commits. */
  readonly changes: readonly StoredChange[];
  /** The jobs that they are about, as they stand; removed ones are missing. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Where the stretch ends. */
  readonly cursor: string;
  /** Whether there is more after it. */
  readonly more: boolean;
  /** Whether something after the cursor asked for may be gone: then nothing else is told. */
  readonly lost: boolean;
}

/** The feed of changes. */
export interface FeedBroker {
  /** Turns the feed on, or keeps it on for a while longer; answers the cursor of its end. */
  keep(): Promise<string>;
  /** What came after a cursor. */
  changes(request: ChangesRequest): Promise<ChangePage>;
  /** One bounded batch: removes old changes, or the feed that nobody keeps; how many it removed. */
  tidy(): Promise<number>;
  /** Whether `changes` waits until there is one, or for a while. */
  readonly waits?: boolean;
  /** Calls `listener` after each commit of this very broker; returns what ends that. */
  readonly onWrite?: (listener: () => void) => () => void;
}
