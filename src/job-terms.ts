/**
 * What is stored of a job at its enqueueing.
 *
 * @module
 */
import type { UniqueRule } from "./unique.ts";

/** A job to be enqueued; texts are JSON. */
export interface NewJob {
  readonly id: string;
  readonly payload: string;
  /** Everything else; jobs that have it in common share one object, and are stored together. */
  readonly terms: JobTerms;
  /** There when its terms say `unique`. */
  readonly uniqueKey?: string;
  /**
   * There when its id was given by a caller, who may have given it to another job as well: whether
   * its payload was, too, or is a copy of what may have changed since.
   */
  readonly given?: "id" | "id and payload";
}

/** What jobs of one call have in common; texts are JSON. */
export interface JobTerms extends Due {
  readonly task: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxAttempts: number | null;
  readonly parentId: string | null;
  readonly options: string | null;
  readonly meta: string | null;
  /** While one job holds the key, no other is added. */
  readonly unique?: UniqueRule;
}

/** When a job is due. */
export interface Due {
  /** At this instant, in milliseconds since the epoch … */
  readonly runAtMs: number | null;
  /** … or, without one, so long after the database's now. */
  readonly delayMs: number;
}
