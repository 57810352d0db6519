/**
 * A database file (or memory) through the native binding of libSQL: one connection, cached
 * statements, and the write lock taken only by `exec`, which cannot leave a statement behind.
 *
 * @module
 */
import { systemClock } from "../../clock.ts";
import { ErrandError } from "../../errors.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Driver, Result, Results, Statement, Value } from "./driver.ts";
import { databaseError, isBusy } from "./faults.ts";
import { type FileIdentity, fileIdentity, watchLog } from "./files.ts";
import { busyError, patiently } from "./patience.ts";

/**
 * What an acknowledged commit survives. `"full"`: the process being killed and power loss.
 * `"normal"`: the process being killed; power loss may take the last commits, never the file.
 */
export type Synchronous = "full" | "normal";

/** How to open a file. */
export interface LocalOptions {
  /** A path, or `:memory:`. */
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly busyTimeoutMs: number;
}

/** What is used of the package `libsql`, whose own types describe another library. */
interface Connection {
  readonly inTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Prepared;
  close(): void;
}
interface Prepared {
  readonly reader: boolean;
  raw(raw: boolean): Prepared;
  run(args: Statement["args"]): { readonly changes: number };
  all(args: Statement["args"]): Value[][];
  get(args: readonly Value[]): Value[] | undefined;
}
interface Cached {
  readonly statement: Prepared;
  /** Asked once: each time would be a call into the addon. */
  readonly reads: boolean;
}
type Connect = new (path: string, options: { readonly timeout: number }) => Connection;

/** SQLite itself waits so long for a lock, and the event loop with it; the rest is `patiently`. */
const BLOCKING_WAIT_MS = 10;
/** After so much work without a pause, other work of the process gets its turn. */
const TURN_MS = 16;
/** Statements are few and constant; this bounds the cache against a mistake. */
const CACHE_MAX = 256;

/** Opens a file; the addon is loaded here and nowhere else. */
export async function openLocal(options: LocalOptions): Promise<Driver> {
  const driver = new LocalDriver(await loadLibsql(options.path), options);
  try {
    await patiently(() => driver.connect(), options.busyTimeoutMs);
  } catch (error) {
    await driver.close();
    throw databaseError(error, `open ${options.path}`);
  }
  return driver;
}

async function loadLibsql(path: string): Promise<Connect> {
  let cause: unknown;
  try {
    const { default: connect } = await import("#libsql") as { readonly default?: unknown };
    if (connect !== undefined) return connect as Connect;
  } catch (error) {
    cause = error;
  }
  throw new ErrandError(
    "DATABASE_UNAVAILABLE",
    `Cannot open ${path}: this runtime has no files, or the package "libsql" cannot be loaded; ` +
      `install it with its optional dependencies, or pass the address of a libSQL server`,
    { cause },
  );
}

class LocalDriver implements Driver {
  readonly version?: () => number;
  readonly onCommit?: NonNullable<Driver["onCommit"]>;
  readonly sameClock = true;
  readonly #connect: Connect;
  readonly #options: LocalOptions;
  readonly #file: FileIdentity;
  readonly #log: FileIdentity;
  #db: Connection | undefined;
  #statements = new Map<string, Cached>();
  #version: Prepared | undefined;
  #logAtOpen: number | undefined;
  #fileAtOpen: number | undefined;
  #generation = 0;
  #turnStartMs = 0;
  readonly #checkpoints = new Checkpoints(() => this.#checkpoint());
  #contended: Promise<"free" | "busy"> | undefined;
  #closed = false;

  constructor(connect: Connect, options: LocalOptions) {
    this.#connect = connect;
    this.#options = options;
    this.#file = fileIdentity(options.path, "");
    this.#log = fileIdentity(options.path, "-wal");
    // memory has no other connection, and nobody to look out for
    if (options.path === ":memory:") return;
    this.version = () => this.#commits();
    this.onCommit = (heard) => watchLog(options.path, heard);
  }

  /** Opens the connection and sets what every connection must have set. */
  connect(): void {
    this.#disconnect();
    const { path, synchronous } = this.#options;
    const file = this.#file();
    if (forsaken.has(file ?? NaN)) throw forsakenError();
    if ((this.#fileAtOpen ?? file) !== file) throw forsakenError();
    const db = new this.#connect(path, { timeout: BLOCKING_WAIT_MS });
    this.#db = db;
    const [mode] = db.prepare("PRAGMA journal_mode = WAL").raw(true).all([]);
    if (mode?.[0] !== "wal" && path !== ":memory:") {
      throw new ErrandError(
        "DATABASE_UNAVAILABLE",
        `Cannot open ${path}: its journal mode is ${mode?.[0]} and cannot be made WAL`,
      );
    }
    db.exec(`PRAGMA synchronous = ${synchronous === "full" ? "FULL" : "NORMAL"}`);
    // Where no idle moment comes, the log is copied into the file at 32 MB in any case.
    db.exec("PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -16000");
    this.#version = db.prepare("PRAGMA data_version").raw(true);
    this.#generation++;
    db.exec("SELECT 1 FROM sqlite_master"); // makes the log, if there is none
    this.#logAtOpen = this.#log();
    this.#fileAtOpen = this.#file();
  }

  async write(statements: readonly Statement[]): Promise<Results> {
    const results = await this.#call(() =>
      statements.length === 1 && this.#contended === undefined
        ? this.#alone(statements[0]!)
        : this.#transaction("BEGIN IMMEDIATE", statements)
    );
    this.#checkpoints.wrote(results.reduce((rows, { changes }) => rows + changes, 0));
    return results;
  }

  read(statements: readonly Statement[]): Promise<Results> {
    return this.#call(() => this.#transaction("BEGIN DEFERRED", statements), false);
  }

  /** `PRAGMA data_version` counts other connections' commits; the generation counts our own. */
  #commits(): number {
    const row = this.#version?.get([]);
    return Number(row?.[0] ?? 0) + this.#generation * 2 ** 32;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#checkpoints.stop();
    this.#disconnect();
    return Promise.resolve();
  }

  async #call(transaction: () => Result[], mayContend = true): Promise<readonly Result[]> {
    const waits = mayContend && this.#contended !== undefined;
    let results: readonly Result[];
    try {
      results = waits ? await this.#contend(transaction) : transaction();
    } catch (error) {
      if (!isBusy(error)) throw databaseError(error, "use the database");
      results = await this.#contend(transaction);
    }
    if (systemClock.elapsedMs() - this.#turnStartMs >= TURN_MS) await this.#yield();
    return results;
  }

  /**
   * One call at a time tries for the lock, each until its own time is up: every try may block the
   * event loop for a moment, and many at once would block it for long.
   */
  async #contend(transaction: () => Result[]): Promise<readonly Result[]> {
    const { busyTimeoutMs } = this.#options;
    const untilMs = systemClock.elapsedMs() + busyTimeoutMs;
    const before = this.#contended;
    const result = (async () => {
      const free = await before !== "busy";
      if (!free && systemClock.elapsedMs() >= untilMs) throw busyError(busyTimeoutMs);
      return await patiently(transaction, busyTimeoutMs, untilMs);
    })();
    const settled = result.then(() => "free" as const, whatNow);
    this.#contended = settled;
    try {
      return await result;
    } catch (error) {
      throw databaseError(error, "use the database");
    } finally {
      if (this.#contended === settled) this.#contended = undefined;
    }
  }

  /** One statement is a transaction by itself, and a fifth faster than between two others. */
  #alone(statement: Statement): Result[] {
    this.#ready();
    try {
      return [this.#run(statement)];
    } catch (error) {
      if (isBusy(error)) this.#disconnect(); // see below
      throw error;
    }
  }

  /** Runs in one go, without giving the event loop a chance to come between. */
  #transaction(begin: string, statements: readonly Statement[]): Result[] {
    const db = this.#ready();
    db.exec(begin);
    try {
      const results = statements.map((statement) => this.#run(statement));
      db.exec("COMMIT");
      return results;
    } catch (error) {
      // A statement that met a busy database stays half-run and would swallow later commits
      // (libsql 0.5.29 never resets it): such a connection is not used again.
      if (isBusy(error)) this.#disconnect();
      else if (db.inTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }

  /** The connection, with its log in place: nothing of this process comes before the commit. */
  #ready(): Connection {
    if (this.#closed) {
      throw new ErrandError("DATABASE_UNAVAILABLE", "Cannot use the database: it is closed");
    }
    if (this.#db === undefined) this.connect();
    this.#assertLog();
    return this.#db!;
  }

  #run({ sql, args }: Statement): Result {
    const { statement, reads } = this.#statements.get(sql) ?? this.#prepare(sql);
    if (reads) return { rows: statement.all(args), changes: 0 };
    return { rows: [], changes: statement.run(args).changes };
  }

  #prepare(sql: string): Cached {
    const statement = this.#db!.prepare(sql);
    const cached = { statement, reads: statement.reader };
    if (cached.reads) statement.raw(true);
    if (this.#statements.size >= CACHE_MAX) this.#statements.clear();
    this.#statements.set(sql, cached);
    return cached;
  }

  /**
   * A second SQLite library in this process that closes the same file takes our locks with it and
   * deletes the log that we write to. What was acknowledged before that is in the file. The old
   * connection lives on until its statements are collected, and would share what it believes
   * about the deleted log with a new one: so this process uses the file no more.
   */
  #assertLog(): void {
    if (this.#log() === this.#logAtOpen) return;
    this.#disconnect();
    const file = this.#file();
    if (file !== undefined) forsaken.add(file);
    throw forsakenError();
  }

  /** Copies the log into the file as far as nobody reads it; waits for no lock. */
  #checkpoint(): void {
    if (this.#db === undefined) return;
    this.#assertLog();
    this.#db.prepare("PRAGMA wal_checkpoint(PASSIVE)").raw(true).all([]);
  }

  /** Gives the event loop a turn when this connection has kept it busy for long. */
  async #yield(): Promise<void> {
    await systemClock.turn();
    this.#turnStartMs = systemClock.elapsedMs();
  }

  #disconnect(): void {
    this.#statements.clear();
    this.#version = undefined;
    const db = this.#db;
    this.#db = undefined;
    db?.close();
  }
}

function whatNow(error: unknown): "free" | "busy" {
  return error instanceof ErrandError && error.code === "DATABASE_BUSY" ? "busy" : "free";
}

/** Files whose log was taken from under a connection of this process. */
const forsaken = new Set<number>();

function forsakenError(): ErrandError {
  return new ErrandError(
    "DATABASE_UNAVAILABLE",
    "Cannot use the database: its write-ahead log was deleted while it was open, as a second " +
      "SQLite library in one process does (bun:sqlite, node:sqlite, better-sqlite3); nothing of " +
      "this call was written, what was acknowledged before is safe; use that library in another " +
      "process, and restart this one",
  );
}
