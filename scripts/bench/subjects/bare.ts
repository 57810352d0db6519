/**
 * The bare client: the core's own statements over a server in the same write batches, without
 * handlers, checks, promises or anything else.
 */
import { type Client, createClient, type InStatement } from "@libsql/client";
import { newId } from "../../../src/id.ts";
import { NEXT_DUE, PROMOTE, READ_CLAIMED, STAMP, takeSql } from "../../../src/store/claim.ts";
import { CREATED_AT, INSERT_JOBS } from "../../../src/store/enqueue.ts";
import { CLOSE_LEASES, COMPLETE, COUNT_ENDED } from "../../../src/store/settle.ts";
import type { Figures, Params } from "../harness/types.ts";
import { noop } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { openRemote, serverOf } from "../lib/remote.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";

const LEASE_MS = 30_000;
const RETENTION_MS = 7 * 86_400_000;

await runSubject({
  enqueueMany: (params) => warmThenTime(params, insertAll),
  process: (params) => warmThenTime(params, processAll),
});

/** Returns the milliseconds that its timed part took. */
type Work = (client: Client, jobs: number, params: Params) => Promise<number>;

async function warmThenTime(params: Params, work: Work): Promise<Figures> {
  await (await openRemote(params, noop)).close(); // for its schema
  const client = createClient({ url: serverOf(params) });
  await work(client, params.warmup, params);
  const ms = await work(client, params.jobs, params);
  const jobs = await count(client, "SELECT count(*) FROM errand_job");
  expectEqual("the number of jobs", jobs, params.warmup + params.jobs);
  client.close();
  return { speed: perSecond(params.jobs, ms) };
}

async function insertAll(
  client: Client,
  jobs: number,
  { perCall }: Params,
): Promise<number> {
  const lists = payloads(jobs, perCall);
  const start = performance.now();
  for (const list of lists) {
    const ids = list.map(() => newId());
    const members = list.map((one, at) => `"${ids[at]}":${JSON.stringify(one)}`)
      .join();
    const args = [
      null,
      `{${members}}`,
      "noop",
      "default",
      0,
      null,
      0,
      null,
      null,
      null,
      null,
    ];
    const createdAt = { sql: CREATED_AT, args: [ids[0]!] };
    await client.batch([{ sql: INSERT_JOBS, args }, createdAt], "write");
  }
  return performance.now() - start;
}

async function processAll(
  client: Client,
  jobs: number,
  params: Params,
): Promise<number> {
  await insertAll(client, jobs, params);
  const done = "SELECT count(*) FROM errand_job WHERE state = 'completed'";
  const before = await count(client, done);
  let lease = "";
  let ids: readonly string[] = [];
  const start = performance.now();
  do {
    const settle = ids.length > 0 ? settled(lease, ids) : [];
    lease = newId();
    const results = await client.batch([
      ...settle,
      ...claim(lease, params.concurrency),
    ], "write");
    ids = results.at(-2)!.rows.map((row) => row[0] as string);
  } while (ids.length > 0);
  const ms = performance.now() - start;
  expectEqual(
    "the number of completed jobs",
    await count(client, done) - before,
    jobs,
  );
  return ms;
}

function settled(lease: string, ids: readonly string[]): InStatement[] {
  const members = ids.map((id) => `"${id}":{"ok":true}`).join();
  return [
    { sql: COMPLETE, args: [null, `{${members}}`, lease, RETENTION_MS] },
    { sql: COUNT_ENDED, args: ["default", "completed"] },
    { sql: CLOSE_LEASES, args: [`["${lease}"]`] },
  ];
}

function claim(lease: string, limit: number): InStatement[] {
  return [
    { sql: PROMOTE, args: [null] },
    {
      sql: takeSql(1),
      args: [null, lease, "bare", LEASE_MS, limit, "default", limit],
    },
    { sql: STAMP, args: [null, lease] },
    { sql: READ_CLAIMED, args: [lease] },
    { sql: NEXT_DUE, args: [null] },
  ];
}

async function count(client: Client, sql: string): Promise<number> {
  return Number((await client.execute(sql)).rows[0]?.[0]);
}
