/**
 * What is written by hand: a job is claimed in a transaction of its own, run and completed, by one
 * loop. Several loops are no faster, as a server lets one writer in at a time.
 */
import { type Client, createClient } from "@libsql/client";
import type { Figures, Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { serverOf } from "../lib/remote.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";

const SCHEMA = `
  CREATE TABLE job (id INTEGER PRIMARY KEY, state TEXT NOT NULL, payload TEXT NOT NULL, result TEXT);
  CREATE INDEX job_pending ON job (id) WHERE state = 'pending'`;

const FIRST = "SELECT id, payload FROM job WHERE state = 'pending' ORDER BY id LIMIT 1";

await runSubject({ process });

async function process(params: Params): Promise<Figures> {
  const client = createClient({ url: serverOf(params) });
  await client.executeMultiple(SCHEMA);
  await processAll(client, Math.ceil(params.jobs / 10), params);
  const ms = await processAll(client, params.jobs, params);
  client.close();
  return { speed: perSecond(params.jobs, ms) };
}

async function processAll(
  client: Client,
  jobs: number,
  { loops = 1 }: Params,
): Promise<number> {
  for (const list of payloads(jobs, 1_000)) {
    const sql = "INSERT INTO job (state, payload) VALUES ('pending', ?)";
    await client.batch(
      list.map((one) => ({ sql, args: [JSON.stringify(one)] })),
      "write",
    );
  }
  let done = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: loops }, async () => {
    while (await processOne(client)) done++;
  }));
  const ms = performance.now() - start;
  expectEqual("the number of completed jobs", done, jobs);
  return ms;
}

async function processOne(client: Client): Promise<boolean> {
  const transaction = await client.transaction("write");
  let id: number;
  try {
    const [row] = (await transaction.execute(FIRST)).rows;
    if (row === undefined) return false;
    id = row[0] as number;
    await transaction.execute({
      sql: "UPDATE job SET state = 'running' WHERE id = ?",
      args: [id],
    });
    await transaction.commit();
  } finally {
    transaction.close();
  }
  const result = JSON.stringify(await Promise.resolve({ ok: true }));
  const sql = "UPDATE job SET state = 'completed', result = ? WHERE id = ?";
  await client.execute({ sql, args: [result, id] });
  return true;
}
