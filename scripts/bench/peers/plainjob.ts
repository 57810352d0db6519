/**
 * plainjob over better-sqlite3, on Node. It sets WAL and `synchronous = NORMAL` itself. One worker
 * runs one job at a time whatever the concurrency, and it stores no result: compared as it is.
 */
import Database from "better-sqlite3";
import { better, defineQueue, defineWorker, JobStatus, type Logger, type Queue } from "plainjob";
import type { Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { warmThenTime, type Work } from "../lib/timed.ts";

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {} };

await runSubject({
  enqueueMany: (params) => warmThenTime(params, onFreshFile(addMany)),
  enqueue: (params) => warmThenTime(params, onFreshFile(add)),
  process: (params) => warmThenTime(params, onFreshFile(processAll)),
});

type Use = (queue: Queue, jobs: number, params: Params) => number | Promise<number>;

function onFreshFile(use: Use): Work {
  return async (file, jobs, params) => {
    const database = new Database(file);
    const queue = defineQueue({ connection: better(database), logger: silent });
    const journal = database.pragma("journal_mode", { simple: true });
    expectEqual("plainjob's journal_mode", journal, "wal");
    const synchronous = database.pragma("synchronous", { simple: true });
    expectEqual("plainjob's synchronous", synchronous, 1);
    const ms = await use(queue, jobs, params);
    expectEqual("the number of jobs in plainjob's table", queue.countJobs(), jobs);
    queue.close();
    return ms;
  };
}

function addMany(queue: Queue, jobs: number, { perCall }: Params): number {
  const lists = payloads(jobs, perCall);
  const start = performance.now();
  for (const list of lists) queue.addMany("noop", list);
  return performance.now() - start;
}

function add(queue: Queue, jobs: number): number {
  const all = payloads(jobs, jobs).flat();
  const start = performance.now();
  for (const one of all) queue.add("noop", one);
  return performance.now() - start;
}

async function processAll(
  queue: Queue,
  jobs: number,
  params: Params,
): Promise<number> {
  addMany(queue, jobs, params);
  let last: (at: number) => void;
  const finished = new Promise<number>((resolve) => last = resolve);
  let done = 0;
  const worker = defineWorker("noop", async () => {}, {
    queue,
    logger: silent,
    pollIntervall: 1,
    onCompleted: () => {
      if (++done === jobs) last(performance.now());
    },
  });
  const start = performance.now();
  const running = worker.start();
  const ms = await finished - start; // the last completion, before the worker's sleep
  await worker.stop();
  await running;
  expectEqual(
    "plainjob's done jobs",
    queue.countJobs({ status: JobStatus.Done }),
    jobs,
  );
  return ms;
}
