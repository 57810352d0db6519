// What holds in every database file at any moment, whatever was asked of it.
import { openRaw } from "./raw.ts";

/** Statements that find what must not be, and what it would be. */
const BROKEN: Readonly<Record<string, string>> = {
  "a tally that is not the count": `
    WITH counted AS (SELECT queue, state, count(*) AS n FROM errand_job
      WHERE state IN ('completed', 'failed', 'cancelled') GROUP BY queue, state)
    SELECT coalesce(t.queue, c.queue), coalesce(t.state, c.state), t.n, c.n
    FROM errand_tally t FULL JOIN counted c ON c.queue = t.queue AND c.state = t.state
    WHERE coalesce(t.n, 0) <> coalesce(c.n, 0)`,
  "a running job whose lease is not there": `
    SELECT id, lease_id FROM errand_job
    WHERE state = 'running' AND lease_id NOT IN (SELECT id FROM errand_lease)`,
  "a running job that its lease does not list": `
    SELECT j.id, l.id FROM errand_job j JOIN errand_lease l ON l.id = j.lease_id
    WHERE j.state = 'running' AND NOT EXISTS (SELECT 1 FROM json_each(l.jobs) WHERE value = j.id)`,
  "a lease whose list is no list of texts": `
    SELECT id FROM errand_lease WHERE NOT json_valid(jobs) OR json_type(jobs) <> 'array'`,
  "a live job that has ended, or an ended one that has not": `
    SELECT id, state FROM errand_job
    WHERE (state IN ('scheduled', 'available', 'running')) = (ended_at IS NOT NULL)`,
  "an attempt beyond all attempts": `
    SELECT id, attempt, max_attempts FROM errand_job WHERE attempt > max_attempts`,
  "an ended job without a result that was completed, or with one that was not": `
    SELECT id, state FROM errand_job WHERE state <> 'completed' AND result IS NOT NULL`,
  "JSON that is none": `
    SELECT id FROM errand_job WHERE NOT json_valid(payload)
      OR NOT json_valid(coalesce(options, '{}')) OR NOT json_valid(coalesce(meta, '{}'))
      OR NOT json_valid(coalesce(result, 'null')) OR NOT json_valid(coalesce(errors, '[]'))
      OR NOT json_valid(coalesce(progress, 'null'))`,
  "a log without its job": `
    SELECT job_id FROM errand_log WHERE job_id NOT IN (SELECT id FROM errand_job)`,
};

/** Each thing that is broken in the file of this path. */
export function brokenInvariants(path: string): string[] {
  using raw = openRaw(path);
  const check = raw.rows("PRAGMA integrity_check").flat();
  return [
    ...(check.length === 1 && check[0] === "ok" ? [] : check.map(String)),
    ...Object.entries(BROKEN).flatMap(([what, sql]) =>
      raw.rows(sql).slice(0, 3).map((row) => `${what}: ${JSON.stringify(row)}`)
    ),
  ];
}
