/**
 * Who may do what: bearer tokens with scopes, known by their hashes alone.
 *
 * @module
 */

/** What a token may be allowed: to add jobs, to run them, to look, or everything. */
export type Scope = "enqueue" | "work" | "read" | "admin";

/** Who sent a request. */
export interface Caller {
  /** The name of the token, for logs. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The queues that it is limited to; all of them without. */
  readonly queues?: readonly string[];
}
