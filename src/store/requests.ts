/**
 * Requests that add jobs once, however often they come: a row each, written with the jobs.
 *
 * @module
 */
import type { EnqueueAnswer, OnceAnswer } from "../broker.ts";
import type { OnceRequest } from "../once-broker.ts";
import type { Driver, Row, Statement } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { toJob } from "./rows.ts";
import { NOW } from "./sql.ts";
import { givenStatements, takenBy } from "./taken.ts";
import { DUPLICATES, isUnique, keysOf } from "./unique.ts";

/** After the jobs, as it tells when they were made; it replaces one that has expired. */
function rememberSql(duplicates: string): string {
  return `
  INSERT INTO errand_request (key, hash, ids, expires_at, created_at, duplicates)
  SELECT ?2, ?3, ?4, ${NOW} + ?5, coalesce(
    (SELECT created_at FROM errand_job WHERE id IN (SELECT value FROM json_each(?4)) LIMIT 1),
    ${NOW}), ${duplicates}
  WHERE true ON CONFLICT (key) DO UPDATE SET hash = excluded.hash, ids = excluded.ids,
    created_at = excluded.created_at, expires_at = excluded.expires_at,
    duplicates = excluded.duplicates
  WHERE errand_request.expires_at <= ${NOW}`;
}

const REMEMBER = rememberSql("NULL");

/** The columns of a duplicate: those of a job, and the id of the job that it kept away. */
const COLUMNS = Array.from({ length: 19 }, (_, index) => `c${index}`);

/** Each duplicate as an array; the last column of the job is JSON, and is to stay a text. */
const KEPT = COLUMNS.map((name, index) => index === 17 ? `${name} || ''` : name).join();

const REMEMBER_UNIQUE = rememberSql(`(
    WITH found (${COLUMNS.join()}) AS (${DUPLICATES.replaceAll("?1", "?6")})
    SELECT json_group_array(json_array(${KEPT}))
    FROM found)`);

/** Fails, and the whole batch with it, when the request is remembered already. */
const FIRST = "SELECT CASE changes() WHEN 1 THEN 1 ELSE json('REPEATED') END";

const RECALL = "SELECT hash, ids, created_at, duplicates FROM errand_request WHERE key = ?1";

/** A request is forgotten between two looks at most once: it was kept for long. */
const TRIES = 3;

/** Adds jobs and remembers the request, in one transaction, unless it is remembered already. */
export async function enqueueOnce(
  driver: Driver,
  now: number | null,
  request: OnceRequest,
): Promise<OnceAnswer> {
  const own = request.jobs[0]!.id;
  const statements = onceStatements(now, request);
  for (let tries = 1;; tries++) {
    try {
      const results = await driver.write(statements);
      return answerOf(results.at(-1)!.rows[0]!, own);
    } catch (error) {
      if (!isGuard((error as Error).cause ?? error)) throw error;
      const recalled = await recall(driver, request, own);
      if (recalled !== undefined) return recalled;
      const taken = await takenBy(driver, request.jobs);
      if (taken.length > 0) return { kind: "taken", jobs: taken };
      if (tries === TRIES) throw error;
    }
  }
}

function onceStatements(
  now: number | null,
  { key, hash, keepMs, jobs }: OnceRequest,
): Statement[] {
  const ids = JSON.stringify(jobs.map(({ id }) => id));
  const args = [now, key, hash, ids, keepMs];
  const remember = jobs.some(isUnique)
    ? { sql: REMEMBER_UNIQUE, args: [...args, JSON.stringify(keysOf(jobs))] }
    : { sql: REMEMBER, args };
  return [
    ...givenStatements(now, jobs),
    remember,
    { sql: FIRST, args: [] },
    { sql: RECALL, args: [key] },
  ];
}

async function recall(
  driver: Driver,
  { key, hash }: OnceRequest,
  own: string,
): Promise<OnceAnswer | undefined> {
  const [found] = await driver.read([{ sql: RECALL, args: [key] }]);
  const row = found!.rows[0];
  if (row === undefined) return undefined;
  return row[0] === hash ? answerOf(row, own) : { kind: "other" };
}

/** By the id of its first job a request knows what it has stored itself. */
function answerOf([, idsText, createdAt, duplicates]: Row, own: string): OnceAnswer {
  const ids = JSON.parse(idsText as string) as string[];
  const answer: EnqueueAnswer = {
    createdAtMs: Number(createdAt),
    ...(duplicates !== null && { duplicates: duplicatesOf(duplicates as string) }),
  };
  return { kind: ids[0] === own ? "stored" : "repeated", ids, answer };
}

function duplicatesOf(text: string): NonNullable<EnqueueAnswer["duplicates"]> {
  const rows = JSON.parse(text) as Row[];
  return new Map(rows.map((row) => [row[row.length - 1] as string, toJob(row)]));
}

const OVER = `SELECT key FROM errand_request WHERE expires_at <= ${NOW}
  ORDER BY expires_at LIMIT ?2`;
const PRUNE = `DELETE FROM errand_request WHERE key IN (${OVER})`;

/** Looks first: mostly there is nothing to write. */
export async function pruneRequests(
  driver: Driver,
  now: number | null,
  limit: number,
): Promise<void> {
  const args = [now, limit];
  const [found] = await driver.read([{ sql: OVER, args }]);
  if (found!.rows.length > 0) await driver.write([{ sql: PRUNE, args }]);
}
