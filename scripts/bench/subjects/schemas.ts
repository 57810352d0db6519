/**
 * What a server counts for a job's life under other schemas: the tables and indexes that concern a
 * job, and one statement each to add, claim and complete jobs, 50 in a batch as everybody may.
 */
import { type Client, createClient } from "@libsql/client";
import type { Figures, Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { serverOf } from "../lib/remote.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { patiently } from "../../../src/store/driver/patience.ts";
import { countedFetch } from "../../../src/store/driver/request.ts";

const BATCH = 50;
const BUSY_MS = 30_000;

interface Schema {
  readonly tables: string;
  /** `?1` is a JSON array of payloads. */
  readonly add: string;
  /** Takes as many as `?1` says and returns their ids and payloads. */
  readonly claim: string;
  /** `?1` is a JSON array of ids, `?2` a result. */
  readonly complete: string;
  /** How many are not completed. */
  readonly left: string;
}

/** A row id, a UUID as text beside it, and an index for each question. */
const naive: Schema = {
  tables: `
    CREATE TABLE job (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, queue TEXT NOT NULL,
      state TEXT NOT NULL, run_at INTEGER NOT NULL, ended_at INTEGER, payload TEXT NOT NULL,
      result TEXT);
    CREATE INDEX job_due ON job (queue, state, run_at);
    CREATE INDEX job_state ON job (state);
    CREATE INDEX job_ended ON job (ended_at)`,
  add: `INSERT INTO job (uuid, queue, state, run_at, payload)
    SELECT lower(hex(randomblob(16))), 'default', 'pending', unixepoch(), value
    FROM json_each(?1)`,
  claim: `UPDATE job SET state = 'running' WHERE id IN (
      SELECT id FROM job WHERE queue = 'default' AND state = 'pending' AND run_at <= unixepoch()
      ORDER BY run_at LIMIT ?1) RETURNING id, payload`,
  complete: `UPDATE job SET state = 'completed', ended_at = unixepoch(), result = ?2
    WHERE id IN (SELECT value FROM json_each(?1))`,
  left: "SELECT count(*) FROM job WHERE state <> 'completed'",
};

/** As River has its jobs in SQLite: an index to fetch by, one by kind, one of what has ended. */
const river: Schema = {
  tables: `
    CREATE TABLE job (id INTEGER PRIMARY KEY, args TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
      kind TEXT NOT NULL, queue TEXT NOT NULL, priority INTEGER NOT NULL DEFAULT 1,
      state TEXT NOT NULL, scheduled_at INTEGER NOT NULL, finalized_at INTEGER, metadata TEXT,
      unique_key BLOB);
    CREATE INDEX job_kind ON job (kind);
    CREATE INDEX job_ended ON job (state, finalized_at) WHERE finalized_at IS NOT NULL;
    CREATE INDEX job_fetched ON job (state, queue, priority, scheduled_at, id);
    CREATE UNIQUE INDEX job_unique ON job (unique_key) WHERE unique_key IS NOT NULL`,
  add: `INSERT INTO job (args, kind, queue, state, scheduled_at)
    SELECT value, 'bench', 'default', 'available', unixepoch() FROM json_each(?1)`,
  claim: `UPDATE job SET state = 'running', attempt = attempt + 1 WHERE id IN (
      SELECT id FROM job WHERE state = 'available' AND queue = 'default'
        AND scheduled_at <= unixepoch()
      ORDER BY priority, scheduled_at, id LIMIT ?1) RETURNING id, args`,
  complete: `UPDATE job SET state = 'completed', finalized_at = unixepoch(), metadata = ?2
    WHERE id IN (SELECT value FROM json_each(?1))`,
  left: "SELECT count(*) FROM job WHERE state <> 'completed'",
};

/** As Honker has them: two deadlines beside the index to claim by; a job that is done is gone. */
const honker: Schema = {
  tables: `
    CREATE TABLE job (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,
      payload TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL DEFAULT 0,
      run_at INTEGER NOT NULL, worker TEXT, claim_ends_at INTEGER,
      attempts INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX job_claimed ON job (queue, priority DESC, run_at, id)
      WHERE state IN ('pending', 'processing');
    CREATE INDEX job_pending ON job (queue, run_at) WHERE state = 'pending';
    CREATE INDEX job_processing ON job (queue, claim_ends_at) WHERE state = 'processing'`,
  add: `INSERT INTO job (queue, payload, state, run_at)
    SELECT 'default', value, 'pending', unixepoch() FROM json_each(?1)`,
  claim: `UPDATE job SET state = 'processing', worker = 'bench', attempts = attempts + 1,
      claim_ends_at = unixepoch() + 300 WHERE id IN (
      SELECT id FROM job WHERE queue = 'default' AND state IN ('pending', 'processing')
        AND (state = 'pending' AND run_at <= unixepoch() OR claim_ends_at < unixepoch())
      ORDER BY priority DESC, run_at, id LIMIT ?1) RETURNING id, payload`,
  complete: `DELETE FROM job WHERE id IN (SELECT value FROM json_each(?1)) AND ?2 IS NOT NULL`,
  left: "SELECT count(*) FROM job",
};

await runSubject({
  naive: (params) => life(naive, params),
  river: (params) => life(river, params),
  honker: (params) => life(honker, params),
});

async function life(schema: Schema, params: Params): Promise<Figures> {
  const { fetch, usage } = countedFetch(10_000);
  const client = createClient({ url: serverOf(params), fetch });
  await client.executeMultiple(schema.tables);
  const before = usage();
  await processAll(client, schema, params.jobs);
  const after = usage();
  const left = (await client.execute(schema.left)).rows[0]?.[0];
  expectEqual("the number of jobs that are left", left, 0);
  client.close();
  const each = 1_000_000 / params.jobs;
  return {
    written: (after.rowsWritten - before.rowsWritten) * each,
    read: (after.rowsRead - before.rowsRead) * each,
  };
}

async function processAll(
  client: Client,
  schema: Schema,
  jobs: number,
): Promise<void> {
  // a checkpoint of the server keeps its lock for a moment now and then
  const execute = (sql: string, ...args: (string | number)[]) =>
    patiently(() => client.execute({ sql, args }), BUSY_MS);
  for (const list of payloads(jobs, BATCH)) await execute(schema.add, JSON.stringify(list));
  for (;;) {
    const { rows } = await execute(schema.claim, BATCH);
    if (rows.length === 0) return;
    const ids = JSON.stringify(rows.map((row) => row[0]));
    await execute(schema.complete, ids, '{"ok":true}');
  }
}
