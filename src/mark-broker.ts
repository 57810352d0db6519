/**
 * The part of the seam that is about marks, which say who does what only one shall do.
 *
 * @module
 */

/** Which live jobs keep a mark from being given up. */
export interface MarkRelease {
  readonly name: string;
  readonly holder: string;
  /** The queues that are looked at; paused ones hold nothing to wait for. */
  readonly queues: readonly string[];
  /** Whether jobs that are due later, or run, count as well. */
  readonly later: boolean;
}

/** Marks in a store. */
export interface MarkBroker {
  /**
   * Takes the mark unless another holds it; whether it is the holder's now. Those whose names begin
   * with `once:` are swept up by later ones when they have expired.
   */
  take(name: string, holder: string, forMs: number): Promise<boolean>;
  /** Prolongs the mark; whether it is still the holder's. */
  prolong(name: string, holder: string, forMs: number): Promise<boolean>;
  /** Whether anyone holds the mark. */
  held(name: string): Promise<boolean>;
  /** Gives the mark up unless there is a job; whether the holder is without it now. */
  releaseIdle(release: MarkRelease): Promise<boolean>;
  /** Gives the mark up, if it is the holder's. */
  release(name: string, holder: string): Promise<void>;
}
