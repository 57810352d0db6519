/**
 * What the statements of several nouns share. In every statement `?1` is the caller's instant:
 * `null` except under an injected clock.
 *
 * @module
 */

/** The database's now, in milliseconds since the epoch. */
export const NOW = "cast(coalesce(?1, unixepoch('subsec') * 1000) as integer)";

/** The columns of {@linkcode toJob}, in its order. */
export const JOB_COLUMNS: string =
  "id, task, queue, state, priority, payload, result, errors, attempt, " +
  "max_attempts, run_at, created_at, started_at, ended_at, progress, meta, parent_id, " +
  "options -> '$.schedule'";

/** How many failed attempts a job remembers. */
export const ERRORS_MAX = 10;

/** The errors of a job with `error` (SQL for a JSON text) added, and the oldest one dropped. */
export function withError(error: string): string {
  return `json_insert(
    CASE WHEN json_array_length(errors) >= ${ERRORS_MAX} THEN json_remove(errors, '$[0]')
      ELSE coalesce(errors, '[]') END,
    '$[#]', json(${error}))`;
}

/**
 * When a job of this row that ends now is to be removed; `retentions` is the SQL of a JSON text
 * `{"defaultMs": ms | null, "tasks": {"name": ms | null}}`, for jobs that say nothing themselves.
 */
export function expiry(retentions: string): string {
  return `${NOW} + CASE
    WHEN json_type(options, '$.retentionMs') IS NOT NULL THEN options ->> '$.retentionMs'
    WHEN EXISTS (SELECT 1 FROM json_each(${retentions}, '$.tasks') WHERE key = task)
      THEN (SELECT value FROM json_each(${retentions}, '$.tasks') WHERE key = task)
    ELSE ${retentions} ->> '$.defaultMs' END`;
}

/** Adds to the tally of ended jobs; `select` gives queue, state and a number, or a negative one. */
export function tally(select: string): string {
  return `INSERT INTO errand_tally (queue, state, n) ${select}
    ON CONFLICT (queue, state) DO UPDATE SET n = n + excluded.n`;
}

/** How many jobs of `queue` run: leases list what they took, so that no index is needed. */
export function runningIn(queue: string): string {
  return `(SELECT count(*) FROM errand_lease, json_each(errand_lease.jobs) AS listed
      CROSS JOIN errand_job ON errand_job.id = listed.value
      WHERE lease_id = errand_lease.id AND state = 'running' AND errand_job.queue = ${queue})`;
}

/** Whether as many jobs of `queue` run as may at once; looked at only where there is a limit. */
export function isFull(queue: string): string {
  return `EXISTS (SELECT 1 FROM errand_queue
      WHERE name = ${queue} AND run_limit IS NOT NULL AND run_limit <= ${runningIn(queue)})`;
}

/** An ended job that no retention keeps. */
export const SPENT = "ended_at IS NOT NULL AND expire_at <= ended_at";
