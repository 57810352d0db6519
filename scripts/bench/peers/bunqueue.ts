/**
 * bunqueue embedded, on Bun, with a data path. It sets WAL and `synchronous = NORMAL` itself.
 *
 * What it promises is less than what the others do: `add` resolves before anything is written (rows
 * go to the file every 10 ms or 100 jobs; `durable: true` per job would wait), which is why only its
 * processing is compared. A completion is written at once, as two statements that commit apart:
 * the result, then the state. Jobs are pulled in batches as large as the concurrency; batch sizes
 * up to 1,000, no locks and no lock renewal were tried and change its figure by less than its noise.
 */
import { Database } from "bun:sqlite";
import { Queue, shutdownManager, Worker } from "bunqueue/client";
import type { Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { warmThenTime } from "../lib/timed.ts";

await runSubject({ process: (params) => warmThenTime(params, processAll) });

async function processAll(
  dataPath: string,
  jobs: number,
  params: Params,
): Promise<number> {
  const queue = checkedQueue(dataPath);
  for (const list of payloads(jobs, params.perCall)) {
    await queue.addBulk(
      list.map((data) => ({
        name: "noop",
        data,
        opts: { removeOnComplete: false },
      })),
    );
  }
  await written(dataPath, jobs);
  const worker = new Worker("bench", () => Promise.resolve({ ok: true }), {
    embedded: true,
    dataPath,
    autorun: false,
    concurrency: params.concurrency,
    batchSize: params.concurrency,
    removeOnComplete: false,
  });
  const finished = lastCompletion(worker, jobs);
  const start = performance.now();
  worker.run();
  const ms = await finished - start;
  await worker.close();
  queue.close();
  shutdownManager();
  expectHistory(dataPath, jobs);
  return ms;
}

// bunqueue does not give its connection away, and `synchronous` belongs to the connection.
function checkedQueue(dataPath: string): Queue {
  const { run } = Database.prototype;
  let connection: Database | undefined;
  Database.prototype.run = function (this: Database, sql, ...bindings) {
    connection = this;
    return run.call(this, sql, ...bindings);
  };
  const queue = new Queue("bench", { embedded: true, dataPath });
  Database.prototype.run = run;
  if (connection === undefined) {
    throw new Error("Error: bunqueue opened no database");
  }
  expectEqual(
    "bunqueue's journal_mode",
    one(connection, "PRAGMA journal_mode").journal_mode,
    "wal",
  );
  expectEqual(
    "bunqueue's synchronous",
    one(connection, "PRAGMA synchronous").synchronous,
    1,
  );
  return queue;
}

function lastCompletion(worker: Worker, jobs: number): Promise<number> {
  let done = 0;
  return new Promise((resolve) => {
    worker.on("completed", () => {
      if (++done === jobs) resolve(performance.now());
    });
  });
}

// What add left in memory is on disk before the clock starts.
async function written(file: string, jobs: number): Promise<void> {
  const database = new Database(file, { readonly: true });
  const count = database.query<{ jobs: number }, []>(
    "SELECT count(*) AS jobs FROM jobs",
  );
  while (count.get()?.jobs !== jobs) await Bun.sleep(20);
  database.close();
}

function expectHistory(file: string, jobs: number): void {
  const database = new Database(file);
  const { done } = one(
    database,
    "SELECT count(*) AS done FROM jobs WHERE state = 'completed'",
  );
  expectEqual("bunqueue's completed jobs", done, jobs);
  const { kept } = one(database, "SELECT count(*) AS kept FROM job_results");
  expectEqual("bunqueue's stored results", kept, jobs);
  database.close();
}

function one(database: Database, sql: string): Record<string, unknown> {
  return database.query<Record<string, unknown>, []>(sql).get() ?? {};
}
