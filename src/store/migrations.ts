/**
 * The schema, as a list to which entries are only ever appended.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { CHANGE_TABLE } from "./feed-schema.ts";
import { NOW } from "./sql.ts";
import { UNIQUE_JOBS } from "./unique-schema.ts";

/** Each entry takes the schema from its index to the next version. */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE errand_job (
    id TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts INTEGER,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    expire_at INTEGER,
    lease_id TEXT,
    parent_id TEXT,
    payload TEXT NOT NULL,
    options TEXT,
    meta TEXT,
    progress TEXT,
    result TEXT,
    errors TEXT,
    -- A CASE stops at the first match: as a list of IN it took a quarter of the time of an insert.
    CONSTRAINT errand_job_state CHECK (CASE state
      WHEN 'available' THEN ended_at IS NULL
      WHEN 'running' THEN ended_at IS NULL AND lease_id IS NOT NULL
      WHEN 'completed' THEN ended_at IS NOT NULL
      WHEN 'scheduled' THEN ended_at IS NULL
      WHEN 'failed' THEN ended_at IS NOT NULL
      WHEN 'cancelled' THEN ended_at IS NOT NULL
      ELSE false END)
  ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX errand_job_available ON errand_job (queue, priority DESC, run_at)
    WHERE state = 'available'`,
    `CREATE INDEX errand_job_scheduled ON errand_job (run_at, queue) WHERE state = 'scheduled'`,
    `CREATE INDEX errand_job_failed ON errand_job (id) WHERE state = 'failed'`,
    `CREATE INDEX errand_job_parent ON errand_job (parent_id) WHERE parent_id IS NOT NULL`,
    // A lease lists the jobs that it took; which of them it still holds, the jobs themselves say.
    `CREATE TABLE errand_lease (
    id TEXT NOT NULL PRIMARY KEY,
    worker TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    jobs TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE errand_queue (
    name TEXT NOT NULL PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
  ) STRICT, WITHOUT ROWID`,
    // How many ended jobs there are: counting them would be a scan of the history.
    `CREATE TABLE errand_tally (
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
  ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE errand_log (
    job_id TEXT NOT NULL,
    id TEXT NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (job_id, id)
  ) STRICT, WITHOUT ROWID`,
  ],
  UNIQUE_JOBS,
  [
    `CREATE TABLE errand_schedule (
    name TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    max_attempts INTEGER,
    payload TEXT NOT NULL,
    options TEXT,
    meta TEXT,
    rule TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER,
    max_runs INTEGER CHECK (max_runs > 0),
    catch_up TEXT NOT NULL CHECK (catch_up IN ('latest', 'all', 'none')),
    overlap TEXT NOT NULL CHECK (overlap IN ('allow', 'skip')),
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    next_run_at INTEGER CHECK (next_run_at IS NULL OR NOT paused),
    last_run_at INTEGER,
    last_job_id TEXT,
    runs INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    stamp TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX errand_schedule_due ON errand_schedule (next_run_at)
    WHERE next_run_at IS NOT NULL`,
  ],
  [
    // What tells this database from every other, whatever it is called.
    "CREATE TABLE errand_database (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID",
    "INSERT INTO errand_database (id) VALUES (lower(hex(randomblob(16))))",
  ],
  [
    // Who does what only one shall do at a time, until when.
    `CREATE TABLE errand_mark (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  ],
  [
    `CREATE TABLE errand_worker (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    process TEXT NOT NULL,
    queues TEXT NOT NULL,
    concurrency INTEGER NOT NULL,
    lease_ms INTEGER NOT NULL,
    -- What the worker says, and what others have asked it to do.
    state TEXT NOT NULL CHECK (state IN ('running', 'draining', 'stopping')),
    command TEXT CHECK (command IN ('drain', 'stop')),
    grace_ms INTEGER,
    reason TEXT,
    started_at INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  ],
  // How far they have come, for the next one to go on.
  ["ALTER TABLE errand_mark ADD COLUMN cursor TEXT"],
  [CHANGE_TABLE],
];

/** The schema version that this code needs. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

const TABLE = `CREATE TABLE IF NOT EXISTS errand_migration (
  version INTEGER NOT NULL PRIMARY KEY,
  applied_at INTEGER NOT NULL
) STRICT`;

const HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'errand_migration'";

const VERSION = "SELECT coalesce(max(version), 0) FROM errand_migration";

/** Fails, and the whole batch with it, when another process has migrated in the meantime. */
const GUARD = `SELECT CASE (${VERSION}) WHEN ?1 THEN 1 ELSE json('MIGRATED') END`;

const RECORD = `INSERT INTO errand_migration (version, applied_at) VALUES (?2, ${NOW})`;

/** Brings the schema up to date; any number of processes may do so at the same time. */
export async function migrate(driver: Driver): Promise<void> {
  for (;;) {
    const version = await schemaVersion(driver);
    if (version === SCHEMA_VERSION) return;
    if (version > SCHEMA_VERSION) {
      throw new ErrandError(
        "SCHEMA_TOO_NEW",
        `Cannot open the database: its schema has version ${version} and this version of Errand ` +
          `knows ${SCHEMA_VERSION}; upgrade Errand`,
      );
    }
    await step(driver, version);
  }
}

async function schemaVersion(driver: Driver): Promise<number> {
  const [table] = await driver.read([{ sql: HAS_TABLE, args: [] }]);
  if (table?.rows.length === 0) return 0;
  const [version] = await driver.read([{ sql: VERSION, args: [] }]);
  return Number(version?.rows[0]?.[0]);
}

async function step(driver: Driver, version: number): Promise<void> {
  const statements: Statement[] = [
    { sql: TABLE, args: [] },
    { sql: GUARD, args: [BigInt(version)] },
    ...MIGRATIONS[version]!.map((sql) => ({ sql, args: [] })),
    { sql: RECORD, args: [null, BigInt(version + 1)] },
  ];
  try {
    await driver.write(statements);
  } catch (error) {
    if (error instanceof ErrandError && isGuard(error.cause)) return; // look again
    throw error;
  }
}
