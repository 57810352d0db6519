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

/** A janitor that vanished is replaced after so long. */
const MARK_MS = 10_000;

const EXPIRED = "id > ?1 AND id <= ?2 AND expire_at <= ?3";

/**
 * One janitor at a time: the mark is `?2`'s while it prunes and for a while after that; once it has
 * expired, anyone may take it. That spares work, and is not needed for what is removed to be right.
 */
const TAKE_MARK = `
  INSERT INTO errand_mark (name, holder, expires_at) VALUES ('prune', ?2, ${NOW} + ${MARK_MS})
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
  WHERE holder = excluded.holder OR expires_at <= ${NOW}`;

const HELD = "EXISTS (SELECT 1 FROM errand_mark WHERE name = 'prune' AND holder = ?4)";

const UNCOUNT = tally(`
  SELECT queue, state, -count(*) FROM errand_job WHERE ${EXPIRED} AND ${HELD}
  GROUP BY queue, state`);

const DELETE_LOGS = `
  DELETE FROM errand_log
  WHERE job_id IN (SELECT id FROM errand_job WHERE ${EXPIRED}) AND ${HELD}`;

const DELETE_JOBS = `DELETE FROM errand_job WHERE ${EXPIRED} AND ${HELD}`;

const CURSOR = "SELECT cursor FROM errand_mark WHERE name = 'prune'";

const KEEP_CURSOR = `
  INSERT INTO errand_mark (name, holder, expires_at, cursor) VALUES ('prune', '', 0, ?1)
  ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor WHERE cursor IS NOT excluded.cursor`;

/** Where the last one has ended that was kept. */
export async function pruneCursor(driver: Driver): Promise<string> {
  const [found] = await driver.read([{ sql: CURSOR, args: [] }]);
  return String(found!.rows[0]?.[0] ?? "");
}

/** Keeps where a pass has ended, for whoever comes next. */
export async function keepPruneCursor(driver: Driver, cursor: string): Promise<void> {
  await driver.write([{ sql: KEEP_CURSOR, args: [cursor] }]);
}

/**
 * As `holder`, looks at `limit` rows after `cursor`; the answer's cursor is empty at the end of the
 * table.
 */
export async function prune(
  driver: Driver,
  now: number | null,
  holder: string,
  { cursor, limit }: { readonly cursor: string; readonly limit: number },
): Promise<{ readonly removed: number; readonly cursor: string }> {
  const [stretch] = await driver.read([{ sql: STRETCH, args: [now, cursor, limit] }]);
  const [seen, last, expired, at] = stretch!.rows[0]!;
  const next = Number(seen) < limit ? "" : String(last);
  if (!expired) return { removed: 0, cursor: next };
  const args = [cursor, last!, at!, holder];
  const results = await driver.write([
    { sql: TAKE_MARK, args: [now, holder] },
    ...[UNCOUNT, DELETE_LOGS, DELETE_JOBS].map((sql) => ({ sql, args })),
  ]);
  const [mark, , , removed] = results;
  return { removed: removed!.changes, cursor: mark!.changes > 0 ? next : cursor };
}
