/**
 * Which jobs to list, checked.
 *
 * @module
 */
import type { ListQuery } from "./broker.ts";
import { invalid, show } from "./errors.ts";
import { JOB_STATES, type JobState, type ListOptions } from "./job.ts";

const PAGE_MAX = 1_000;

/** The query of `options`. Throws `INVALID_INPUT` for what cannot be asked. */
export function listQuery(options: ListOptions): ListQuery {
  const { state = [], limit = 50, cursor, order = "newest", ...filter } = options;
  const states = (typeof state === "string" ? [state] : state).map(checkState);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= PAGE_MAX)) {
    throw invalid(`Cannot list ${show(limit)} jobs: limit is from 1 to ${PAGE_MAX}`);
  }
  if (order !== "newest" && order !== "oldest") {
    throw invalid(`Cannot list jobs by ${show(order)}: order is "newest" or "oldest"`);
  }
  for (const [name, value] of Object.entries({ ...filter, cursor })) {
    if (value === undefined || typeof value === "string") continue;
    throw invalid(`Cannot list jobs by ${name} ${show(value)}: it is no text`);
  }
  return { ...filter, states, limit, after: cursor ?? null, order };
}

function checkState(state: JobState): JobState {
  if (JOB_STATES.includes(state)) return state;
  throw invalid(`Cannot list jobs in state ${show(state)}: states are ${JOB_STATES.join(", ")}`);
}
