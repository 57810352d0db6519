/**
 * A checked filter as SQL. The parts are constants; what is asked for only decides which of them
 * are there. The one exception are tasks and fields with an index of their own: a partial index is
 * used only where the text of the statement repeats its condition.
 *
 * @module
 */
import type { JobQuery } from "../broker.ts";
import type { FieldValue, JobState } from "../job.ts";
import type { Value } from "./driver/driver.ts";
import { fieldIndexName, fieldSql, literal } from "./fields.ts";

/** Where the jobs of one state are found without reading those of the others. */
export const SOURCES: Readonly<Record<JobState, string>> = {
  scheduled: "errand_job INDEXED BY errand_job_scheduled WHERE state = 'scheduled'",
  available: "errand_job INDEXED BY errand_job_available WHERE state = 'available'",
  failed: "errand_job INDEXED BY errand_job_failed WHERE state = 'failed'",
  running: `errand_job WHERE state = 'running' AND id IN (
    SELECT listed.value FROM errand_lease, json_each(errand_lease.jobs) AS listed)`,
  completed: "errand_job WHERE state = 'completed'",
  cancelled: "errand_job WHERE state = 'cancelled'",
};

/** Conditions and the arguments that they name. */
export interface FilterSql {
  readonly conditions: readonly string[];
  readonly args: readonly Value[];
}

/** Everything that `query` asks for but the states; its arguments begin with `?<first>`. */
export function filterSql(query: JobQuery, first: number): FilterSql {
  const conditions: string[] = [];
  const args: Value[] = [];
  const add = (value: Value | undefined, sql: (name: string) => string): void => {
    if (value === undefined) return;
    args.push(value);
    conditions.push(sql(`?${first + args.length - 1}`));
  };
  const { queue, task, parentId, worker, createdAfterMs, createdBeforeMs, meta, where } = query;
  add(queue, (name) => `queue = ${name}`);
  if (where === undefined) add(task, (name) => `task = ${name}`);
  else conditions.push(`task = ${literal(task!)}`);
  add(parentId, (name) => `parent_id = ${name}`);
  add(worker, isHeld);
  add(createdAfterMs, (name) => `created_at >= ${name}`);
  add(createdBeforeMs, (name) => `created_at < ${name}`);
  add(meta, hasMeta);
  for (const { field, value } of where ?? []) {
    if (value === null) {
      conditions.push(`${fieldSql(field)} IS NULL`);
      continue;
    }
    add(bound(value), (name) => `${fieldSql(field)} = ${name}`);
    conditions.push(`json_type(payload, '$.${field}') IN (${TYPES[typeof value]})`);
  }
  return { conditions, args };
}

/** An ended job keeps its lease's id, and the lease may still hold others. */
function isHeld(worker: string): string {
  return `state = 'running' AND lease_id IN (SELECT id FROM errand_lease WHERE worker = ${worker})`;
}

/** `wanted` names a JSON object; each of its members is one of the job's. */
function hasMeta(wanted: string): string {
  return `meta IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM json_each(${wanted}) AS wanted WHERE NOT EXISTS (
      SELECT 1 FROM json_each(errand_job.meta) AS has
      WHERE has.key = wanted.key AND has.type = wanted.type AND has.value IS wanted.value))`;
}

/** The index holds `true` as 1, and a list as text. */
const TYPES: Readonly<Record<string, string>> = {
  string: "'text'",
  number: "'integer', 'real'",
  boolean: "'true', 'false'",
};

function bound(value: Exclude<FieldValue, null>): Value {
  return typeof value === "boolean" ? (value ? 1n : 0n) : value;
}

/** The states of `query` as a condition; they come from a fixed list, not from a caller. */
export function stateSql(states: readonly JobState[]): string {
  return `state IN (${states.map((state) => `'${state}'`).join(", ")})`;
}

/** The index that finds the first field asked for. */
export function fieldSource({ task, where }: JobQuery): string | undefined {
  const [first] = where ?? [];
  if (first === undefined) return undefined;
  return `errand_job INDEXED BY ${fieldIndexName(task!, first.field)} WHERE true`;
}
