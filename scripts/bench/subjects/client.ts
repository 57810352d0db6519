/** @libsql/client: one bare `execute` for each job, into the same table with the same row. */
import { type Client, createClient } from "@libsql/client";
import { newId } from "../../../src/id.ts";
import { openErrand } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { warmThenTime } from "../lib/timed.ts";

const INSERT = `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, created_at, payload)
  VALUES (?, 'noop', 'default', 'available', 0, ?, ?, ?)`;

await runSubject({ oneByOne: (params) => warmThenTime(params, insertAll) });

async function insertAll(file: string, jobs: number): Promise<number> {
  await (await openErrand(file)).close(); // for its schema
  const client = createClient({ url: `file:${file}`, concurrency: 1 });
  await client.execute("PRAGMA journal_mode = WAL");
  await client.execute("PRAGMA synchronous = NORMAL");
  expectEqual(
    "the client's synchronous",
    await one(client, "PRAGMA synchronous"),
    1,
  );
  const all = payloads(jobs, jobs).flat();
  const start = performance.now();
  for (const payload of all) {
    const now = Date.now();
    await client.execute({
      sql: INSERT,
      args: [newId(), now, now, JSON.stringify(payload)],
    });
  }
  const ms = performance.now() - start;
  expectEqual(
    "the client's synchronous",
    await one(client, "PRAGMA synchronous"),
    1,
  );
  expectEqual(
    "inserted jobs",
    await one(client, "SELECT count(*) FROM errand_job"),
    jobs,
  );
  client.close();
  return ms;
}

async function one(client: Client, sql: string): Promise<unknown> {
  return (await client.execute(sql)).rows[0]?.[0];
}
