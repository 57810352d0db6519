/**
 * The one thing that the store needs of a database: an atomic batch of statements.
 *
 * @module
 */

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

/** A database. Both calls resolve after the commit; a failed one has changed nothing. */
export interface Driver {
  /** Runs `statements` as one write transaction: all of them or none. */
  write(statements: readonly Statement[]): Promise<readonly Result[]>;
  /** Runs `statements`, which only read, on one snapshot. */
  read(statements: readonly Statement[]): Promise<readonly Result[]>;
  /** Whether the database's clock is this machine's. */
  readonly sameClock: boolean;
  /** A number that changes when another connection commits; only where that is cheap to ask. */
  readonly version?: () => number;
  /** Calls `heard` when somebody may be committing; returns what ends that, if it can be had. */
  readonly onCommit?: (heard: () => void) => (() => void) | undefined;
  /** Closes the database. Calls after that fail. */
  close(): Promise<void>;
}
