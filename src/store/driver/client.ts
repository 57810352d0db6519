/**
 * What is used of a libSQL client, and a file behind a client that the user opened and hands in.
 * Only the client's public interface is used.
 *
 * @module
 */
import { ErrandError } from "../../errors.ts";
import type { Driver, Result, Results, Row, Statement, Value } from "./driver.ts";
import { closedError, databaseError, isReplica, isStuck } from "./faults.ts";
import { patiently } from "./patience.ts";

/** What is used of a libSQL client. Every client of the package `@libsql/client` has it. */
export interface LibsqlClient {
  /** `"file"` for a local file; otherwise how the server is reached. */
  readonly protocol: string;
  /** Whether it was closed. */
  readonly closed: boolean;
  /** Runs statements as one transaction. */
  batch(statements: LibsqlStatement[], mode: "write" | "deferred"): Promise<LibsqlResult[]>;
  /** Runs several statements of one text. */
  executeMultiple(sql: string): Promise<void>;
  /** Begins a transaction that is held open. */
  transaction(mode: "deferred"): Promise<LibsqlTransaction>;
  /** Drops the connection and makes a new one. */
  reconnect(): void | Promise<void>;
  /** Closes the connection. */
  close(): void;
}

/** What is used of an open transaction of a libSQL client. */
export interface LibsqlTransaction {
  /** Runs statements in it. */
  batch(statements: LibsqlStatement[]): Promise<LibsqlResult[]>;
  /** Runs several statements of one text. */
  executeMultiple(sql: string): Promise<void>;
  /** Ends it, and keeps what it wrote. */
  commit(): Promise<void>;
  /** Ends it, if it has not ended, and drops what it wrote. */
  close(): void;
}

/** A statement for a libSQL client. */
export interface LibsqlStatement {
  /** The text, with `?1`, `?2`, … */
  sql: string;
  /** Their values. */
  args: (string | number | bigint | Uint8Array | null)[];
}

/** What is used of a result of a libSQL client. */
export interface LibsqlResult {
  /** The names of the columns; empty for a statement that returns nothing. */
  readonly columns: readonly string[];
  /** The rows, by the number of the column. */
  readonly rows: readonly { readonly [column: number]: unknown }[];
  /** Rows inserted, updated or deleted. */
  readonly rowsAffected: number;
}

/** How to use a client of a file. */
export interface ClientOptions {
  readonly client: LibsqlClient;
  readonly busyTimeoutMs: number;
  /** Whether closing the driver closes the client. */
  readonly owned: boolean;
}

/** Serves the store through a client of a file, which is brought into WAL mode. */
export async function clientDriver(options: ClientOptions): Promise<Driver> {
  const { client, busyTimeoutMs } = options;
  try {
    await patiently(() => client.executeMultiple("PRAGMA journal_mode = WAL"), busyTimeoutMs);
  } catch (error) {
    if (!isReplica(error)) throw databaseError(error, "open the client's database");
    throw new ErrandError(
      "INVALID_INPUT",
      "Cannot open the client's database: it is an embedded replica (syncUrl), which reads late " +
        "and blocks the process at each write; pass its primary's address as url, or a client " +
        "of that, and keep the replica for reading",
      { cause: error },
    );
  }
  return new ClientDriver(options);
}

/**
 * A client of a file. After one busy answer to a prepared statement, such as the `BEGIN IMMEDIATE`
 * of its own batches, the client would acknowledge writes that it never commits; so the lock is
 * taken by `executeMultiple`, which leaves no statement behind. The client may have one connection
 * only, which a transaction keeps to itself: so calls never overlap.
 */
class ClientDriver implements Driver {
  readonly sameClock = false;
  readonly silent = true;
  readonly #options: ClientOptions;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  write(statements: readonly Statement[]): Promise<Results> {
    return this.#queued(() => this.#transaction(statements));
  }

  read(statements: readonly Statement[]): Promise<Results> {
    return this.#queued(() => this.#query(statements));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    if (this.#options.owned) this.#options.client.close();
  }

  async #transaction(statements: readonly Statement[]): Promise<Results> {
    const transaction = await this.#options.client.transaction("deferred");
    try {
      await transaction.executeMultiple("COMMIT; BEGIN IMMEDIATE");
      const results = await transaction.batch(statements.map(toClient));
      await transaction.commit();
      return results.map(fromClient);
    } finally {
      transaction.close();
    }
  }

  async #query(statements: readonly Statement[]): Promise<Results> {
    const { client } = this.#options;
    try {
      return (await client.batch(statements.map(toClient), "deferred")).map(fromClient);
    } catch (error) {
      if (isStuck(error)) await client.reconnect();
      throw error;
    }
  }

  #queued(call: () => Promise<Results>): Promise<Results> {
    const result = this.#last.then(() => this.#patiently(call));
    this.#last = result.catch(() => {});
    return result;
  }

  async #patiently(call: () => Promise<Results>): Promise<Results> {
    if (this.#closed) throw closedError();
    const { client, busyTimeoutMs } = this.#options;
    try {
      return await patiently(call, busyTimeoutMs);
    } catch (error) {
      throw client.closed ? closedError(error) : databaseError(error, "use the database");
    }
  }
}

/** A statement as a client takes it. */
export function toClient({ sql, args }: Statement): LibsqlStatement {
  return { sql, args: [...args] };
}

/** A result as the store reads it. */
export function fromClient(result: LibsqlResult): Result {
  const width = result.columns.length;
  const rows: Row[] = result.rows.map((row) =>
    Array.from({ length: width }, (_, column) => toValue(row[column]))
  );
  return { rows, changes: width === 0 ? result.rowsAffected : 0 };
}

function toValue(value: unknown): Value {
  return typeof value === "bigint" ? Number(value) : value as Value;
}
