/**
 * Jobs by a filter, a page at a time.
 *
 * @module
 */
import type { ListQuery } from "../broker.ts";
import type { JobPage } from "../job.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { fieldSource, filterSql, SOURCES, stateSql } from "./filter.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS } from "./sql.ts";

/** One page of jobs, by id: jobs that come and go move nothing from one page to another. */
export async function list(driver: Driver, query: ListQuery): Promise<JobPage> {
  const [result] = await driver.read([listStatement(query)]);
  const jobs = result!.rows.slice(0, query.limit).map(toJob);
  const more = result!.rows.length > query.limit;
  return { jobs, ...(more && { cursor: jobs[jobs.length - 1]!.id }) };
}

const NEWEST = { order: "id DESC", beyond: "id < " };
const OLDEST = { order: "id", beyond: "id > " };

/** By the index of a field, or of the only state, or through all jobs in their order. */
function listStatement(query: ListQuery): Statement {
  const { states, limit, after } = query;
  const { order, beyond } = query.order === "newest" ? NEWEST : OLDEST;
  const { conditions, args } = filterSql(query, 2);
  const byField = fieldSource(query);
  const byState = byField === undefined && states.length === 1 ? SOURCES[states[0]!] : undefined;
  const all = [
    byState ?? byField ?? "errand_job WHERE true",
    ...(byState === undefined && states.length > 0 ? [stateSql(states)] : []),
    ...conditions,
    ...(after === null ? [] : [`${beyond}?${2 + args.length}`]),
  ];
  return {
    sql: `SELECT ${JOB_COLUMNS} FROM errand_job WHERE id IN (
      SELECT id FROM ${all.join(" AND ")} ORDER BY ${order} LIMIT ?1) ORDER BY ${order}`,
    args: [limit + 1, ...args, ...(after === null ? [] : [after])],
  };
}
