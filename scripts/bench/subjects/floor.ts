/**
 * The floor: the statements of the core in the same write batches, prepared once and run over the
 * native binding, without handlers, checks, promises or anything else.
 */
import { newId } from "../../../src/id.ts";
import type { Params } from "../harness/types.ts";
import { connect, type Connection } from "../lib/connection.ts";
import { openErrand } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { claimer, inserter, settler } from "../lib/statements.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { warmThenTime, type Work } from "../lib/timed.ts";

await runSubject({
  enqueueMany: (params) => warmThenTime(params, onFreshFile(insertAll)),
  process: (params) => warmThenTime(params, onFreshFile(processAll)),
});

function onFreshFile(
  work: (connection: Connection, jobs: number, params: Params) => number,
): Work {
  return async (file, jobs, params) => {
    await (await openErrand(file)).close(); // for its schema
    const connection = connect(file);
    const ms = work(connection, jobs, params);
    const [row] = connection.prepare("SELECT count(*) FROM errand_job").raw(true).all([]);
    expectEqual("the number of jobs", row?.[0], jobs);
    connection.close();
    return ms;
  };
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
