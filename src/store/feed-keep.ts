/**
 * Turning the feed of changes on, and keeping it so.
 *
 * @module
 */
import { newId } from "../id.ts";
import type { Driver, Row } from "./driver/driver.ts";
import { CREATE_TRIGGERS, TRIGGERS } from "./feed-schema.ts";
import { NOW } from "./sql.ts";

/** The feed stays on for so long after it was last asked to. */
const KEEP_MS = 10 * 60_000;

/** A feed whose triggers went with their table has missed something: another one begins. */
const FORGET_BROKEN = `
  DELETE FROM errand_mark WHERE name = 'feed' AND ${TRIGGERS.length} > (
    SELECT count(*) FROM sqlite_master
    WHERE type = 'trigger' AND name IN (${TRIGGERS.map((name) => `'${name}'`).join(", ")}))`;

const KEEP = `
  INSERT INTO errand_mark (name, holder, expires_at) VALUES ('feed', ?2, ${NOW} + ${KEEP_MS})
  ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at`;

/** The feed as it stands. */
export const HEAD: string = `
  SELECT (SELECT holder FROM errand_mark WHERE name = 'feed'),
    (SELECT min(seq) FROM errand_change), (SELECT max(seq) FROM errand_change)`;

/** Keeps the feed on; resolves with the cursor of its end. */
export async function keepFeed(driver: Driver, now: number | null): Promise<string> {
  const results = await driver.write([
    ...[FORGET_BROKEN, ...CREATE_TRIGGERS].map((sql) => ({ sql, args: [] })),
    { sql: KEEP, args: [now, newId()] },
    { sql: HEAD, args: [] },
  ]);
  const { feed, newest } = headOf(results.at(-1)!.rows[0]!);
  return cursorOf(feed!, newest ?? 0);
}

/** Which feed it is, and which changes there are. */
export interface Head {
  readonly feed: string | null;
  readonly oldest: number | null;
  readonly newest: number | null;
}

/** Of a row of {@linkcode HEAD}. */
export function headOf([feed, oldest, newest]: Row): Head {
  return { feed, oldest, newest } as Head;
}

/** What a reader goes on after. */
export function cursorOf(feed: string, seq: number): string {
  return `${feed}-${seq}`;
}
