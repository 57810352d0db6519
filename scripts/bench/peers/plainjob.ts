/**
 * plainjob over better-sqlite3, on Node. It sets WAL and `synchronous = NORMAL` itself. One worker
 * runs one job at a time whatever the concurrency, and it stores no result: compared as it is.
 */
import Database from "better-sqlite3";
import { join } from "node:path";
import { better, defineQueue, defineWorker, JobStatus, type Logger, type Queue } from "plainjob";
import type { Figures, Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {} };

await runSubject({
  enqueueMany: (params) => warmThenTime(params, addMany),
  enqueue: (params) => warmThenTime(params, add),
  process: (params) => warmThenTime(params, processAll),
});

/** Returns the milliseconds that its timed part took. */
type Work = (
  queue: Queue,
  jobs: number,
  params: Params,
) => number | Promise<number>;

async function warmThenTime(params: Params, work: Work): Promise<Figures> {
  await onFreshFile(
    join(params.folder, "warm.db"),
    params.warmup,
    params,
    work,
  );
  const ms = await onFreshFile(
    join(params.folder, "timed.db"),
    params.jobs,
    params,
    work,
  );
  return { speed: perSecond(params.jobs, ms) };
}

async function onFreshFile(
  file: string,
  jobs: number,
  params: Params,
  work: Work,
): Promise<number> {
  const database = new Database(file);
  const queue = defineQueue({ connection: better(database), logger: silent });
  expectEqual(
    "plainjob's journal_mode",
    database.pragma("journal_mode", { simple: true }),
    "wal",
  );
  expectEqual(
    "plainjob's synchronous",
    database.pragma("synchronous", { simple: true }),
    1,
  );
  const ms = await work(queue, jobs, params);
  expectEqual(
    "the number of jobs in plainjob's table",
    queue.countJobs(),
    jobs,
  );
  queue.close();
  return ms;
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
