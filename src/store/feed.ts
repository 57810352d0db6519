/**
 * The feed of changes: triggers record them while the feed is on, and its mark says until when it
 * is kept. The mark's holder names the feed, so that a cursor of another one is not mistaken.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { ErrandError } from "../errors.ts";
import type {
  ChangePage,
  ChangeQuery,
  ChangesRequest,
  FeedBroker,
  StoredChange,
} from "../feed-broker.ts";
import type { Driver, Row, Statement, Value } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { cursorOf, HEAD, headOf } from "./feed-keep.ts";
import { TRIGGERS } from "./feed-schema.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS, NOW } from "./sql.ts";

/** How long, and how many, changes are kept while it is on. */
const AGE_MS = 60 * 60_000;
const ROWS_MAX = 200_000;
/** A batch removes so many. */
const BATCH_ROWS = 5_000;

/** By the database's own clock, as the changes themselves are. */
const TOO_OLD = `(cast(unixepoch('subsec') * 1000 as integer) - ${AGE_MS})`;

const OLDEST = `
  SELECT (SELECT expires_at <= ${NOW} FROM errand_mark WHERE name = 'feed'),
    (SELECT min(seq) FROM errand_change), (SELECT max(seq) FROM errand_change),
    (SELECT at <= ${TOO_OLD} FROM errand_change ORDER BY seq LIMIT 1)`;

/** The newest one stays, so that the next number is never one that was told before. */
const PRUNE = `
  DELETE FROM errand_change WHERE seq < (
    SELECT min(oldest + ${BATCH_ROWS}, newest, max(newest - ${ROWS_MAX}, coalesce(fresh, newest)))
    FROM (SELECT
      (SELECT min(seq) FROM errand_change) AS oldest,
      (SELECT max(seq) FROM errand_change) AS newest,
      (SELECT seq FROM errand_change
        WHERE at > ${TOO_OLD} AND seq < (SELECT min(seq) FROM errand_change) + ${BATCH_ROWS}
        ORDER BY seq LIMIT 1) AS fresh))`;

/** Fails, and the whole batch with it, when somebody keeps the feed in the meantime. */
const STILL_OVER = `
  SELECT CASE (SELECT expires_at <= ${NOW} FROM errand_mark WHERE name = 'feed')
    WHEN 1 THEN 1 ELSE json('KEPT') END`;

const FORGET = "DELETE FROM errand_mark WHERE name = 'feed'";

const EMPTY = `
  DELETE FROM errand_change
  WHERE seq < (SELECT min(seq) FROM errand_change) + ${BATCH_ROWS}
    AND NOT EXISTS (SELECT 1 FROM errand_mark WHERE name = 'feed')`;

/** The feed of one store. */
export class FeedStore implements Pick<FeedBroker, "changes" | "tidy"> {
  readonly #driver: Driver;
  readonly #clock: Clock;

  /** Does nothing until asked. */
  constructor(driver: Driver, clock: Clock) {
    this.#driver = driver;
    this.#clock = clock;
  }

  async changes({ after, query, limit }: ChangesRequest): Promise<ChangePage> {
    const { feed, seq } = parts(after);
    const last = seq + limit;
    const { conditions, args } = fits(query, [BigInt(seq), BigInt(last)]);
    const where = `seq > ?1 AND seq <= ?2${conditions}`;
    const [head, found, jobs] = await this.#driver.read([
      { sql: HEAD, args: [] },
      {
        sql: `SELECT seq, at, event, job_id, task, queue, state FROM errand_change
          WHERE ${where} ORDER BY seq`,
        args,
      },
      {
        sql: `SELECT ${JOB_COLUMNS} FROM errand_job
          WHERE id IN (SELECT job_id FROM errand_change WHERE ${where})`,
        args,
      },
    ]);
    const { feed: current, oldest, newest } = headOf(head!.rows[0]!);
    const gone = oldest === null ? seq > 0 : seq < oldest - 1 || seq > newest!;
    if (current !== feed || gone) {
      return { changes: [], jobs: new Map(), cursor: after, more: false, lost: true };
    }
    return {
      changes: found!.rows.map((row) => toChange(row, feed)),
      jobs: new Map(jobs!.rows.map(toJob).map((job) => [job.id, job])),
      cursor: cursorOf(feed, Math.min(last, newest ?? 0)),
      more: last < (newest ?? 0),
      lost: false,
    };
  }

  async tidy(): Promise<number> {
    const now = this.#clock.databaseNow();
    const [found] = await this.#driver.read([{ sql: OLDEST, args: [now] }]);
    const [over, oldest, newest, old] = found!.rows[0]!;
    if (over === 1) return await this.#end(now);
    if (oldest === null) return 0;
    if (over === null) return await this.#removed([{ sql: EMPTY, args: [] }]);
    const many = Number(newest) - Number(oldest) >= ROWS_MAX;
    if (newest === oldest || !(old || many)) return 0;
    return await this.#removed([{ sql: PRUNE, args: [] }]);
  }

  /** Nobody keeps the feed: from now on changes cost nothing again. */
  async #end(now: number | null): Promise<number> {
    try {
      return await this.#removed([
        { sql: STILL_OVER, args: [now] },
        ...TRIGGERS.map((name) => ({ sql: `DROP TRIGGER IF EXISTS ${name}`, args: [] })),
        { sql: FORGET, args: [] },
        { sql: EMPTY, args: [] },
      ]);
    } catch (error) {
      if (error instanceof ErrandError && isGuard(error.cause)) return 0; // somebody was faster
      throw error;
    }
  }

  async #removed(statements: readonly Statement[]): Promise<number> {
    return (await this.#driver.write(statements)).at(-1)!.changes;
  }
}

function parts(cursor: string): { readonly feed: string; readonly seq: number } {
  const at = cursor.lastIndexOf("-");
  return { feed: cursor.slice(0, at), seq: Number(cursor.slice(at + 1)) };
}

function toChange([seq, at, event, id, task, queue, state]: Row, feed: string): StoredChange {
  const change = { cursor: cursorOf(feed, Number(seq)), event, id, task, queue, state };
  return { ...change, atMs: Number(at) } as StoredChange;
}

/** Conditions on a change, beside the stretch that the first arguments name. */
function fits(
  { ids, states, events, queue, task, parentId }: ChangeQuery,
  stretch: readonly Value[],
): { readonly conditions: string; readonly args: Value[] } {
  const args = [...stretch];
  const equal = (column: string, value: string | undefined): string =>
    value === undefined ? "" : ` AND ${column} = ?${args.push(value)}`;
  const among = (column: string, values: readonly string[] | undefined): string =>
    values === undefined
      ? ""
      : ` AND ${column} IN (SELECT value FROM json_each(?${args.push(JSON.stringify(values))}))`;
  const conditions = among("job_id", ids) + among("state", states) + among("event", events) +
    equal("queue", queue) + equal("task", task) + equal("parent_id", parentId);
  return { conditions, args };
}
