/**
 * The one thing that the store needs of a database: an atomic batch of statements.
 *
 * @module
 */

import type { Usage } from "../../broker.ts";

/** A value that a statement binds or a row holds. */
export type Value = string | number | bigint | null;

/** A row, in the order of the statement's columns. */
export type Row = readonly Value[];

/** One statement and the values of its `?1`, `?2`, … */
export interface Statement<Bound = Value | Uint8Array> {
  readonly sql: string;
  readonly args: readonly Bound[];
}

/** What a statement came to. */
export interface Result {
  readonly rows: readonly Row[];
  /** Rows inserted, updated or deleted; 0 for a statement that returns rows. */
  readonly changes: number;
}

/** What a batch came to, a result for each statement. */
export type Results = readonly Result[] & {
  /** Whether the batch was sent before, without an answer, and may have been committed then. */
  readonly repeated?: boolean;
};

/** How to send a batch. */
export interface WriteOptions {
  /** A batch whose answer was lost is not sent again: the caller does, and has to know. */
  readonly once?: boolean;
}

/** A database. Both calls resolve after the commit; a failed one has changed nothing. */
export interface Driver {
  /** Runs `statements` as one write transaction: all of them or none. */
  write(statements: readonly Statement[], options?: WriteOptions): Promise<Results>;
  /** Runs `statements`, which only read, on one snapshot. */
  read(statements: readonly Statement[]): Promise<Results>;
  /** Whether the database's clock is this machine's. */
  readonly sameClock: boolean;
  /** A number that changes when another connection commits; only where that is cheap to ask. */
  readonly version?: () => number;
  /** Whether other processes' commits are heard from nobody, so that one has to look for them. */
  readonly silent?: boolean;
  /** Calls `heard` when somebody may be committing; returns what ends that, if it can be had. */
  readonly onCommit?: (heard: () => void) => (() => void) | undefined;
  /** What the server has counted; only where it tells. */
  readonly usage?: () => Usage;
  /** Closes the database. Calls after that fail. */
  close(): Promise<void>;
}
