/**
 * The schema, as a list to which entries are only ever appended. Loaded where one is needed.
 *
 * @module
 */
import { CHANGE_TABLE } from "./feed-schema.ts";
import { UNIQUE_JOBS } from "./unique-schema.ts";

/** Each entry takes the schema from its index to the next version. */
export const MIGRATIONS: readonly (readonly string[])[] = [
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
  [
    // How many jobs of the queue may run at once.
    "ALTER TABLE errand_queue ADD COLUMN run_limit INTEGER CHECK (run_limit > 0)",
    `CREATE INDEX errand_queue_limited ON errand_queue (name) WHERE run_limit IS NOT NULL`,
    // Requests by their keys: what they have added, for whoever sends one again.
    `CREATE TABLE errand_request (
    key TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    ids TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    duplicates TEXT
  ) STRICT, WITHOUT ROWID`,
    "CREATE INDEX errand_request_expiry ON errand_request (expires_at)",
  ],
];
