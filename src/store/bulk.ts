/**
 * Changing many jobs by hand, a bounded batch at a time. Which jobs fit is looked up without a
 * lock; the batch then changes those of them that still fit.
 *
 * @module
 */
import type { BulkRequest, JobQuery } from "../broker.ts";
import type { JobRef } from "../events.ts";
import type { JobState } from "../job.ts";
import { revived } from "./by-hand.ts";
import type { Driver, Statement, Value } from "./driver/driver.ts";
import { fieldSource, filterSql, SOURCES, stateSql } from "./filter.ts";
import { expiry, NOW, SPENT, tally } from "./sql.ts";

/** Where jobs of a state are few, or found by an index. */
const INDEXED: readonly JobState[] = ["scheduled", "available", "running", "failed"];

/** The ids of up to `limit` jobs after id `after` that fit, in the order of their ids. */
export async function fitting(
  driver: Driver,
  query: JobQuery,
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const { conditions, args } = filterSql(query, 3);
  const all = ["id > ?1", ...conditions].join(" AND ");
  const arms = sources(query).map((source) => `SELECT id FROM ${source} AND ${all}`);
  const sql = `${arms.join(" UNION ALL ")} ORDER BY id LIMIT ?2`;
  const [result] = await driver.read([{ sql, args: [after, BigInt(limit), ...args] }]);
  return result!.rows.map(([id]) => id as string);
}

function sources(query: JobQuery): readonly string[] {
  const { states, parentId } = query;
  const byField = fieldSource(query);
  if (byField !== undefined) return [`${byField} AND ${stateSql(states)}`];
  if (parentId === undefined && states.every((state) => INDEXED.includes(state))) {
    return states.map((state) => SOURCES[state]);
  }
  return [`errand_job WHERE ${stateSql(states)}`];
}

/** Changes those of `request.ids` that still fit, in one transaction; answers which they were. */
export async function changeMany(
  driver: Driver,
  now: number | null,
  request: BulkRequest,
): Promise<readonly JobRef[]> {
  const { conditions, args } = filterSql(request.query, 2);
  const ids = `?${2 + args.length}`;
  const listed = `(SELECT value FROM json_each(${ids}))`;
  const fits = [`id IN ${listed}`, stateSql(request.query.states), ...conditions].join(" AND ");
  const last = JSON.stringify(request.ids);
  const run = (sql: string, more: readonly Value[] = []): Statement => ({
    sql,
    args: [now, ...args, last, ...more],
  });
  const refs = run(`SELECT id, task, queue FROM errand_job WHERE ${fits} ORDER BY id`);
  const parts: Readonly<Record<BulkRequest["verb"], () => Statement[]>> = {
    cancel: () => [
      run(tally(`
        SELECT queue, 'cancelled', count(*) FROM errand_job WHERE ${fits} GROUP BY queue`)),
      run(
        `UPDATE errand_job SET state = 'cancelled', ended_at = ${NOW}, lease_id = NULL,
          expire_at = ${expiry(`?${3 + args.length}`)} WHERE ${fits}`,
        [JSON.stringify(request.retentions)],
      ),
      ...removal(`errand_job.id IN ${listed} AND ${SPENT}`).map((sql) => run(sql)),
    ],
    retry: () => [
      run(UNCOUNT(fits)),
      run(
        `${revived(`coalesce(?${3 + args.length}, ${NOW} + ?${4 + args.length})`)} WHERE ${fits}`,
        [request.due?.runAtMs ?? null, request.due?.delayMs ?? 0],
      ),
    ],
    remove: () => removal(fits).map((sql) => run(sql)),
  };
  const before = driver.sameClock ? [] : await driver.read([refs]); // an answer may be lost
  const results = await driver.write([refs, ...parts[request.verb]()]);
  const changed = results.repeated ? before[0]! : results[0]!;
  return changed.rows.map(([id, task, queue]) => ({
    id: id as string,
    task: task as string,
    queue: queue as string,
  }));
}

/** Ended jobs alone are counted. */
const UNCOUNT = (fits: string): string =>
  tally(`
  SELECT queue, state, -count(*) FROM errand_job
  WHERE ${fits} AND ended_at IS NOT NULL GROUP BY queue, state`);

function removal(fits: string): readonly string[] {
  return [
    UNCOUNT(fits),
    `DELETE FROM errand_log WHERE job_id IN (SELECT id FROM errand_job WHERE ${fits})`,
    `DELETE FROM errand_job WHERE ${fits}`,
  ];
}

const POLICY = "SELECT options FROM errand_job WHERE id = ?1";

/** What a job says itself on retry, timeout and retention. */
export async function policy(driver: Driver, id: string): Promise<string | null> {
  const [result] = await driver.read([{ sql: POLICY, args: [id] }]);
  return (result!.rows[0]?.[0] ?? null) as string | null;
}
