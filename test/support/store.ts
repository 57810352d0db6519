// The store over each of its drivers, with a clock that a test moves and a look at the bare rows.
import { createClient } from "@libsql/client";
import { clientDriver } from "../../src/store/driver/client.ts";
import type { Driver, Row, Statement, Value } from "../../src/store/driver/driver.ts";
import { openLocal } from "../../src/store/driver/local.ts";
import { migrate } from "../../src/store/migrate.ts";
import { Store } from "../../src/store/store.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { tempDir } from "./temp.ts";

/** A place where a store may live. */
export type Place = "file" | "memory" | "client";

/** Every one of them: a native file, memory, and a file behind a client of the user's. */
export const places: readonly Place[] = ["file", "memory", "client"];

/** A row of a table as an object. */
export type Fields = Readonly<Record<string, Value>>;

/** All that the tables hold, rows by their keys. */
export interface Tables {
  readonly jobs: Readonly<Record<string, Fields>>;
  readonly leases: Readonly<Record<string, Fields>>;
  readonly tally: Readonly<Record<string, Value>>;
  readonly logs: readonly Row[];
}

/** A store of a test's own. */
export interface Bench extends AsyncDisposable {
  readonly store: Store;
  readonly clock: FakeClock;
  /** Where the file is, if there is one. */
  readonly path: string;
  /** Every statement that the store has run, oldest first. */
  readonly statements: Statement[];
  rows(sql: string, ...args: Statement["args"]): Promise<readonly Row[]>;
  /** Runs a statement that writes. */
  write(sql: string, ...args: readonly Value[]): Promise<void>;
  /** Runs statements in one transaction, as a caller would. */
  batch(statements: readonly Statement[]): Promise<void>;
  tables(): Promise<Tables>;
}

/** Opens a store at a place. */
export async function openBench(place: Place = "memory"): Promise<Bench> {
  const dir = await tempDir();
  const path = dir.file("errand.db");
  const driver = await openDriver(place, path);
  await migrate(driver);
  const clock = new FakeClock();
  const statements: Statement[] = [];
  const rows: Bench["rows"] = async (sql, ...args) =>
    (await driver.read([{ sql, args }]))[0]?.rows ?? [];
  return {
    store: new Store(recording(driver, statements), clock),
    clock,
    path,
    statements,
    rows,
    write: async (sql, ...args) => void await driver.write([{ sql, args }]),
    batch: async (batch) => void await driver.write(batch),
    tables: () => readTables(rows),
    async [Symbol.asyncDispose]() {
      await driver.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Opens the driver of a place. */
export function openDriver(place: Place, path: string): Promise<Driver> {
  if (place !== "client") {
    const file = place === "memory" ? ":memory:" : path;
    return openLocal({
      path: file,
      synchronous: "normal",
      busyTimeoutMs: 5_000,
    });
  }
  const client = createClient({ url: `file:${path}` });
  return clientDriver({ client, busyTimeoutMs: 5_000, owned: true });
}

/** A driver that keeps what it was asked to run. */
export function recording(driver: Driver, statements: Statement[]): Driver {
  const keep = (asked: readonly Statement[]): readonly Statement[] => {
    statements.push(...asked);
    return asked;
  };
  return {
    sameClock: driver.sameClock,
    write: (asked, options) => driver.write(keep(asked), options),
    read: (asked) => driver.read(keep(asked)),
    close: () => driver.close(),
    ...(driver.version !== undefined && { version: driver.version }),
  };
}

const JOB = [
  "id",
  "task",
  "queue",
  "state",
  "priority",
  "run_at",
  "attempt",
  "max_attempts",
]
  .concat([
    "created_at",
    "started_at",
    "ended_at",
    "expire_at",
    "lease_id",
    "parent_id",
  ])
  .concat(["payload", "options", "meta", "progress", "result", "errors"])
  .concat(["unique_key", "unique_scope", "unique_until"]);
const LEASE = ["id", "worker", "expires_at", "jobs"];

async function readTables(rows: Bench["rows"]): Promise<Tables> {
  const [jobs, leases, tally, logs] = await Promise.all([
    rows(`SELECT ${JOB.join()} FROM errand_job ORDER BY id`),
    rows(`SELECT ${LEASE.join()} FROM errand_lease ORDER BY id`),
    rows("SELECT queue || ' ' || state, n FROM errand_tally WHERE n <> 0"),
    rows("SELECT job_id, id, lines FROM errand_log ORDER BY job_id, id"),
  ]);
  return {
    jobs: keyed(JOB, jobs),
    leases: keyed(LEASE, leases),
    tally: Object.fromEntries(tally.map(([key, n]) => [key, n as Value])),
    logs,
  };
}

function keyed(
  columns: readonly string[],
  rows: readonly Row[],
): Record<string, Fields> {
  return Object.fromEntries(
    rows.map((row) => [
      row[0],
      Object.fromEntries(
        columns.map((column, index) => [column, row[index] ?? null]),
      ),
    ]),
  );
}
