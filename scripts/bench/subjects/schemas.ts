/**
 * What a server counts for a job's life under other schemas: the tables and indexes that concern a
 * job, and one statement each to add, claim and complete jobs, 50 in a batch as everybody may.
 */
import { type Client, createClient } from "@libsql/client";
import type { Figures, Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { serverOf } from "../lib/remote.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { countedFetch } from "../../../src/store/driver/request.ts";

const BATCH = 50;

interface Schema {
  readonly tables: string;
  /** `?1` is a JSON array of payloads. */
  readonly add: string;
  /** Takes as many as `?1` says and returns their ids and payloads. */
  readonly claim: string;
  /** `?1` is a JSON array of ids, `?2` a result. */
  readonly complete: string;
  /** How many are completed. */
  readonly done: string;
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
  done: "SELECT count(*) FROM job WHERE state = 'completed'",
};

await runSubject({ naive: (params) => life(naive, params) });

async function life(schema: Schema, params: Params): Promise<Figures> {
  const { fetch, usage } = countedFetch(10_000);
  const client = createClient({ url: serverOf(params), fetch });
  await client.executeMultiple(schema.tables);
  const before = usage();
  await processAll(client, schema, params.jobs);
  const after = usage();
  const done = (await client.execute(schema.done)).rows[0]?.[0];
  expectEqual("the number of completed jobs", done, params.jobs);
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
  for (const list of payloads(jobs, BATCH)) {
    await client.execute({ sql: schema.add, args: [JSON.stringify(list)] });
  }
  for (;;) {
    const { rows } = await client.execute({ sql: schema.claim, args: [BATCH] });
    if (rows.length === 0) return;
    const ids = JSON.stringify(rows.map((row) => row[0]));
    await client.execute({ sql: schema.complete, args: [ids, '{"ok":true}'] });
  }
}
