/**
 * Adding jobs: one statement for all jobs of a batch that differ in nothing but id and payload.
 *
 * @module
 */
import type { NewJob } from "../broker.ts";
import type { Driver, Statement, Value } from "./driver/driver.ts";
import { NOW } from "./sql.ts";

/**
 * `?2` is `{"<id>": <payload>, …}`. A job whose id is there already is left alone, so that the
 * statement may be repeated when an answer was lost.
 */
export const INSERT_JOBS: string = `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, max_attempts, created_at,
    parent_id, payload, options, meta)
  SELECT key, ?3, ?4,
    CASE WHEN coalesce(?6, ${NOW} + ?7) <= ${NOW} THEN 'available' ELSE 'scheduled' END,
    ?5, coalesce(?6, ${NOW} + ?7), ?8, ${NOW}, ?9,
    CASE WHEN type IN ('object', 'array') THEN value ELSE ?2 -> fullkey END, ?10, ?11
  FROM json_each(?2)
  WHERE true ON CONFLICT (id) DO NOTHING`;

const CREATED_AT = "SELECT created_at FROM errand_job WHERE id = ?1";

/** Adds `jobs` in one transaction. */
export async function enqueue(
  driver: Driver,
  now: number | null,
  jobs: readonly NewJob[],
): Promise<{ readonly createdAtMs: number }> {
  const inserts = insertStatements(now, jobs);
  const results = await driver.write([...inserts, { sql: CREATED_AT, args: [jobs[0]!.id] }]);
  return { createdAtMs: Number(results[inserts.length]?.rows[0]?.[0]) };
}

function insertStatements(now: number | null, jobs: readonly NewJob[]): Statement[] {
  return [...groups(jobs)].map(([first, text]) => ({
    sql: INSERT_JOBS,
    args: [now, `{${text}}`, ...shared(first)],
  }));
}

function shared(job: NewJob): Value[] {
  return [
    job.task,
    job.queue,
    job.priority,
    job.runAtMs,
    job.delayMs,
    job.maxAttempts,
    job.parentId,
    job.options,
    job.meta,
  ];
}

/** Jobs that share everything but id and payload, with those two as members of a JSON object. */
function groups(jobs: readonly NewJob[]): Map<NewJob, string> {
  const members = new Map<NewJob, string>();
  const leaders = new Map<string, NewJob>();
  let leader = jobs[0]!;
  for (const job of jobs) {
    if (!alike(leader, job)) {
      const key = JSON.stringify(shared(job));
      leader = leaders.get(key) ?? job;
      leaders.set(key, leader);
    }
    const member = `"${job.id}":${job.payload}`;
    const before = members.get(leader);
    members.set(leader, before === undefined ? member : `${before},${member}`);
  }
  return members;
}

function alike(a: NewJob, b: NewJob): boolean {
  return a === b ||
    (a.task === b.task && a.queue === b.queue && a.priority === b.priority &&
      a.runAtMs === b.runAtMs && a.delayMs === b.delayMs && a.maxAttempts === b.maxAttempts &&
      a.parentId === b.parentId && a.options === b.options && a.meta === b.meta);
}
