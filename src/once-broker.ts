/**
 * The part of the seam that is about requests which may come again, in whatever process.
 *
 * @module
 */
import type { Due, NewJob } from "./job-terms.ts";

/** A request that may come again. */
export interface OnceKey {
  /** What the request is known by. */
  readonly key: string;
  /** What tells its content from others. */
  readonly hash: string;
  /** How long it is remembered. */
  readonly keepMs: number;
}

/** Jobs to be added by such a request. */
export interface OnceRequest extends OnceKey {
  readonly jobs: readonly NewJob[];
}

/** A job to be made live again by such a request. */
export interface RetryOnceRequest extends OnceKey, Due {
  readonly id: string;
}

/** How such a request stands; `"begun"`: by this very call, `"open"`: before, without an end. */
export type OnceStanding =
  | { readonly kind: "begun" | "open" | "other" }
  | { readonly kind: "ended"; readonly answer: unknown };
