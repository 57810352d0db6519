/**
 * Which jobs to list, checked.
 *
 * @module
 */
import type { ListQuery } from "./broker.ts";
import { invalid, show } from "./errors.ts";
import type { ListOptions } from "./job.ts";
import { jobQuery } from "./job-query.ts";
import type { Tasks } from "./tasks.ts";

const PAGE_MAX = 1_000;

/** The query of `options`. Throws `INVALID_INPUT` for what cannot be asked. */
export function listQuery(options: ListOptions, tasks: Tasks | undefined): ListQuery {
  if (typeof options !== "object" || options === null) {
    throw invalid(`Cannot list jobs by ${show(options)}: a filter is an object`);
  }
  const { limit = 50, cursor, order = "newest", ...filter } = options;
  const query = jobQuery(filter, tasks, "list");
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= PAGE_MAX)) {
    throw invalid(`Cannot list ${show(limit)} jobs: limit is from 1 to ${PAGE_MAX}`);
  }
  if (order !== "newest" && order !== "oldest") {
    throw invalid(`Cannot list jobs by ${show(order)}: order is "newest" or "oldest"`);
  }
  if (cursor !== undefined && typeof cursor !== "string") {
    throw invalid(`Cannot list jobs by cursor ${show(cursor)}: it is no text`);
  }
  return { ...query, limit, after: cursor ?? null, order };
}
