/**
 * Changes by hand that are made once, however often the request comes: a row each, beside those of
 * requests that add jobs. Its `ids` are who began it or, once that is known, what it has come to.
 *
 * @module
 */
import type { ChangedOnce } from "../broker.ts";
import { newId } from "../id.ts";
import type { OnceKey, OnceStanding, RetryOnceRequest } from "../once-broker.ts";
import { ENDED, revived } from "./by-hand.ts";
import type { Driver } from "./driver/driver.ts";
import { firstJob, GET } from "./jobs.ts";
import { NOW, tally } from "./sql.ts";

/** Whether no request with the key `of` is remembered. */
function isNew(of: string): string {
  return `NOT EXISTS (SELECT 1 FROM errand_request WHERE key = ${of} AND expires_at > ${NOW})`;
}

const UNCOUNT = tally(`
  SELECT queue, state, -1 FROM errand_job WHERE id = ?2 AND ${ENDED} AND ${isNew("?3")}`);

const RETRY = `${revived(`coalesce(?3, ${NOW} + ?4)`)}
  WHERE id = ?2 AND ${ENDED} AND ${isNew("?5")}`;

/** It replaces one that has expired, and no other. */
function rememberSql(condition: string): string {
  return `
  INSERT INTO errand_request (key, hash, ids, created_at, expires_at)
  SELECT ?2, ?3, ?4, ${NOW}, ${NOW} + ?5 WHERE ${condition}
  ON CONFLICT (key) DO UPDATE SET hash = excluded.hash, ids = excluded.ids, duplicates = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
  WHERE errand_request.expires_at <= ${NOW}`;
}

/** Right after a change: what came to nothing may be asked for again. */
const REMEMBER_CHANGE = rememberSql("changes() = 1");
const REMEMBER = rememberSql("true");

const RECALL = `SELECT hash, ids FROM errand_request WHERE key = ?2 AND expires_at > ${NOW}`;

/** Makes an ended job live again, unless the request has done so before. */
export async function retryOnce(
  driver: Driver,
  now: number | null,
  { key, hash, keepMs, id, runAtMs, delayMs }: RetryOnceRequest,
): Promise<ChangedOnce | undefined> {
  const own = JSON.stringify(newId());
  const [, , , recalled, found] = await driver.write([
    { sql: UNCOUNT, args: [now, id, key] },
    { sql: RETRY, args: [now, id, runAtMs, delayMs, key] },
    { sql: REMEMBER_CHANGE, args: [now, key, hash, own, keepMs] },
    { sql: RECALL, args: [now, key] },
    { sql: GET, args: [id] },
  ]);
  const [ofHash, by] = recalled!.rows[0] ?? [];
  if (ofHash !== undefined && ofHash !== hash) return undefined;
  const job = firstJob(found);
  return { changed: ofHash === hash, first: by === own, ...(job !== undefined && { job }) };
}

/** Remembers that a request is begun, unless one is with its key. */
export async function beginOnce(
  driver: Driver,
  now: number | null,
  { key, hash, keepMs }: OnceKey,
): Promise<OnceStanding> {
  const own = JSON.stringify(newId());
  const [, recalled] = await driver.write([
    { sql: REMEMBER, args: [now, key, hash, own, keepMs] },
    { sql: RECALL, args: [now, key] },
  ]);
  const [ofHash, text] = recalled!.rows[0]!;
  if (ofHash !== hash) return { kind: "other" };
  if (text === own) return { kind: "begun" };
  const answer: unknown = JSON.parse(text as string);
  return typeof answer === "string" ? { kind: "open" } : { kind: "ended", answer };
}

const END = "UPDATE errand_request SET ids = ?2 WHERE key = ?1";
const FORGET = "DELETE FROM errand_request WHERE key = ?1";

/** Remembers what a begun request has come to; forgets it when that is `undefined`. */
export async function endOnce(driver: Driver, key: string, answer: unknown): Promise<void> {
  await driver.write([
    answer === undefined
      ? { sql: FORGET, args: [key] }
      : { sql: END, args: [key, JSON.stringify(answer)] },
  ]);
}
