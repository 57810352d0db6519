/**
 * Removing ended jobs whose retention is over, a bounded stretch of the table at a time: an index
 * on the end of retention would cost every job a row.
 *
 * @module
 */
import type { Driver } from "./driver/driver.ts";
import { NOW, tally } from "./sql.ts";

/** The next `?3` rows after id `?2`: where they end, how many may go, and what now is. */
const STRETCH = `
  SELECT count(*), max(id), sum(expire_at <= ${NOW}), ${NOW} FROM (
    SELECT id, expire_at FROM errand_job WHERE id > ?2 ORDER BY id LIMIT ?3)`;

const EXPIRED = "id > ?1 AND id <= ?2 AND expire_at <= ?3";

const UNCOUNT = tally(`
  SELECT queue, state, -count(*) FROM errand_job WHERE ${EXPIRED} GROUP BY queue, state`);

const DELETE_LOGS = `
  DELETE FROM errand_log WHERE job_id IN (SELECT id FROM errand_job WHERE ${EXPIRED})`;

const DELETE_JOBS = `DELETE FROM errand_job WHERE ${EXPIRED}`;

/** Looks at `limit` rows after `cursor`; the answer's cursor is empty at the end of the table. */
export async function prune(
  driver: Driver,
  now: number | null,
  cursor: string,
  limit: number,
): Promise<{ readonly removed: number; readonly cursor: string }> {
  const [stretch] = await driver.read([{ sql: STRETCH, args: [now, cursor, limit] }]);
  const [seen, last, expired, at] = stretch!.rows[0]!;
  const next = Number(seen) < limit ? "" : String(last);
  if (!expired) return { removed: 0, cursor: next };
  const args = [cursor, last!, at!];
  const results = await driver.write(
    [UNCOUNT, DELETE_LOGS, DELETE_JOBS].map((sql) => ({ sql, args })),
  );
  return { removed: results[2]!.changes, cursor: next };
}
