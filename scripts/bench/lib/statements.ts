import { NEXT_DUE, PROMOTE, READ_CLAIMED, STAMP, takeSql } from "../../../src/store/claim.ts";
import { INSERT_JOBS } from "../../../src/store/enqueue.ts";
import { CLOSE_LEASES, COMPLETE, COUNT_ENDED } from "../../../src/store/settle.ts";
import type { Connection } from "./connection.ts";

const LEASE_MS = 30_000;
const RETENTION_MS = 7 * 86_400_000;

/** Adds the jobs of a JSON object `{"<id>": <payload>, …}`. */
export function inserter(connection: Connection): (members: string) => void {
  const insert = connection.prepare(INSERT_JOBS);
  return (members) => {
    insert.run([
      null,
      members,
      "noop",
      "default",
      0,
      null,
      0,
      null,
      null,
      null,
      null,
    ]);
  };
}

/** Completes the jobs of a lease and closes it. */
export function settler(
  connection: Connection,
): (lease: string, ids: readonly string[]) => void {
  const complete = connection.prepare(COMPLETE);
  const count = connection.prepare(COUNT_ENDED);
  const close = connection.prepare(CLOSE_LEASES);
  return (lease, ids) => {
    const members = ids.map((id) => `"${id}":{"ok":true}`).join();
    complete.run([null, `{${members}}`, lease, RETENTION_MS]);
    count.run(["default", "completed"]);
    close.run([`["${lease}"]`]);
  };
}

/** Claims so many jobs under a new lease; returns their ids. */
export function claimer(
  connection: Connection,
  limit: number,
): (lease: string) => readonly string[] {
  const promote = connection.prepare(PROMOTE);
  const take = connection.prepare(takeSql(1));
  const stamp = connection.prepare(STAMP);
  const held = connection.prepare(READ_CLAIMED).raw(true);
  const nextDue = connection.prepare(NEXT_DUE).raw(true);
  return (lease) => {
    promote.run([null]);
    take.run([null, lease, "floor", LEASE_MS, limit, "default", limit]);
    stamp.run([null, lease]);
    const rows = held.all([lease]);
    nextDue.all([null]);
    return rows.map(([id]) => id as string);
  };
}
