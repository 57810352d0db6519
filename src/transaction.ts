/**
 * A transaction of the caller's that jobs are enqueued in.
 *
 * @module
 */
import type { SqlStatement } from "./statement.ts";

/**
 * What is used of an open transaction: every `client.transaction("write")` of `@libsql/client` has
 * it.
 */
export interface JoinedTransaction {
  /** Whether it was committed, rolled back or closed. */
  readonly closed: boolean;
  /** Runs statements in it. */
  batch(statements: SqlStatement[]): Promise<readonly JoinedResult[]>;
}

/** What is used of a statement's result. */
export interface JoinedResult {
  /** The rows, by the number of the column. */
  readonly rows: readonly { readonly [column: number]: unknown }[];
}

/** Whose transaction a job is enqueued in. */
export interface JoinOptions {
  /**
   * A transaction of a libSQL client on the same database. The job is there once it is committed,
   * and never when it is rolled back. @default one of Errand's own
   */
  readonly tx?: JoinedTransaction;
}
