/**
 * The floor: the statements of the core in the same write batches, prepared once and run over the
 * native binding, without handlers, checks, promises or anything else.
 */
import { join } from "node:path";
import { newId } from "../../../src/id.ts";
import type { Figures, Params } from "../harness/types.ts";
import { connect, type Connection } from "../lib/connection.ts";
import { openErrand } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { claimer, inserter, settler } from "../lib/statements.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";

await runSubject({
  enqueueMany: (params) => warmThenTime(params, insertAll),
  process: (params) => warmThenTime(params, processAll),
});

/** Returns the milliseconds that its timed part took. */
type Work = (connection: Connection, jobs: number, params: Params) => number;

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
  await (await openErrand(file)).close(); // for its schema
  const connection = connect(file);
  const ms = work(connection, jobs, params);
  const [row] = connection.prepare("SELECT count(*) FROM errand_job").raw(true)
    .all([]);
  expectEqual("the number of jobs", row?.[0], jobs);
  connection.close();
  return ms;
}

function insertAll(
  connection: Connection,
  jobs: number,
  { perCall }: Params,
): number {
  const insert = inserter(connection);
  const lists = payloads(jobs, perCall);
  const start = performance.now();
  for (const list of lists) {
    const members = list.map((one) => `"${newId()}":${JSON.stringify(one)}`)
      .join();
    connection.exec("BEGIN IMMEDIATE");
    insert(`{${members}}`);
    connection.exec("COMMIT");
  }
  return performance.now() - start;
}

function processAll(
  connection: Connection,
  jobs: number,
  params: Params,
): number {
  insertAll(connection, jobs, params);
  const settle = settler(connection);
  const claim = claimer(connection, params.concurrency);
  let lease = "";
  let ids: readonly string[] = [];
  const start = performance.now();
  do {
    connection.exec("BEGIN IMMEDIATE");
    if (ids.length > 0) settle(lease, ids);
    lease = newId();
    ids = claim(lease);
    connection.exec("COMMIT");
  } while (ids.length > 0);
  const ms = performance.now() - start;
  const done = connection.prepare(
    "SELECT count(*) FROM errand_job WHERE state = 'completed'",
  );
  expectEqual(
    "the number of completed jobs",
    done.raw(true).all([])[0]?.[0],
    jobs,
  );
  return ms;
}
