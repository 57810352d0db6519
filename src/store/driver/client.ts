/**
 * A database behind a libSQL client: a server, or a client that the user opened and hands in. Only
 * the client's public interface is used.
 *
 * @module
 */
import { ErrandError } from "../../errors.ts";
import type { Driver, Result, Row, Statement, Value } from "./driver.ts";
import { databaseError, isStuck } from "./faults.ts";
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

/** How to use a client. */
export interface ClientOptions {
  readonly client: LibsqlClient;
  readonly busyTimeoutMs: number;
  /** Whether closing the driver closes the client. */
  readonly owned: boolean;
}

/** Serves the store through a client, whose file shall be in WAL mode. */
export async function clientDriver(options: ClientOptions): Promise<Driver> {
  const { client, busyTimeoutMs } = options;
  if (client.protocol !== "file") return new ClientDriver(options);
  try {
    await patiently(() => client.executeMultiple("PRAGMA journal_mode = WAL"), busyTimeoutMs);
  } catch (error) {
    throw databaseError(error, "open the client's database");
  }
  return new FileClientDriver(options);
}

/** A server: one write batch in flight, each one round trip. */
class ClientDriver implements Driver {
  readonly sameClock: boolean = false;
  protected readonly client: LibsqlClient;
  readonly #options: ClientOptions;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.client = options.client;
  }

  write(statements: readonly Statement[]): Promise<readonly Result[]> {
    return this.queued(() => this.transaction(statements));
  }

  read(statements: readonly Statement[]): Promise<readonly Result[]> {
    return this.#patiently(() => this.query(statements));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    if (this.#options.owned) this.client.close();
  }

  protected async transaction(statements: readonly Statement[]): Promise<readonly Result[]> {
    return (await this.client.batch(statements.map(toClient), "write")).map(fromClient);
  }

  protected async query(statements: readonly Statement[]): Promise<readonly Result[]> {
    return (await this.client.batch(statements.map(toClient), "deferred")).map(fromClient);
  }

  /** Calls that are queued never overlap. */
  protected queued<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#patiently(call));
    this.#last = result.catch(() => {});
    return result;
  }

  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    try {
      return await patiently(call, this.#options.busyTimeoutMs);
    } catch (error) {
      throw this.client.closed ? closedError(error) : databaseError(error, "use the database");
    }
  }
}

function closedError(cause?: unknown): ErrandError {
  const message = "Cannot use the database: it is closed";
  return new ErrandError("DATABASE_UNAVAILABLE", message, { cause });
}

/**
 * A client of a file. After one busy answer to a prepared statement, such as the `BEGIN IMMEDIATE`
 * of its own batches, the client would acknowledge writes that it never commits; so the lock is
 * taken by `executeMultiple`, which leaves no statement behind.
 */
class FileClientDriver extends ClientDriver {
  /** The client may have one connection only, which a transaction keeps to itself. */
  override read(statements: readonly Statement[]): Promise<readonly Result[]> {
    return this.queued(() => this.query(statements));
  }

  protected override async transaction(
    statements: readonly Statement[],
  ): Promise<readonly Result[]> {
    const transaction = await this.client.transaction("deferred");
    try {
      await transaction.executeMultiple("COMMIT; BEGIN IMMEDIATE");
      const results = await transaction.batch(statements.map(toClient));
      await transaction.commit();
      return results.map(fromClient);
    } finally {
      transaction.close();
    }
  }

  protected override async query(statements: readonly Statement[]): Promise<readonly Result[]> {
    try {
      return await super.query(statements);
    } catch (error) {
      if (isStuck(error)) await this.client.reconnect();
      throw error;
    }
  }
}

function toClient({ sql, args }: Statement): LibsqlStatement {
  return { sql, args: [...args] };
}

function fromClient(result: LibsqlResult): Result {
  const width = result.columns.length;
  const rows: Row[] = result.rows.map((row) =>
    Array.from({ length: width }, (_, column) => toValue(row[column]))
  );
  return { rows, changes: width === 0 ? result.rowsAffected : 0 };
}

function toValue(value: unknown): Value {
  return typeof value === "bigint" ? Number(value) : value as Value;
}
