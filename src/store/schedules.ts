/**
 * Schedules: a row each, moved from one occurrence to the next in the batch that enqueues.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Job } from "../job.ts";
import type { CatchUp, Rule } from "../recurrence.ts";
import type { Overlap, ScheduleRecord } from "../schedule.ts";
import type {
  DueRequest,
  DueSchedules,
  ScheduleBroker,
  ScheduleLook,
  ScheduleMove,
} from "../schedule-broker.ts";
import type { Driver, Result, Row, Value } from "./driver/driver.ts";
import { toJob } from "./rows.ts";
import { JOB_COLUMNS, NOW } from "./sql.ts";

const COLUMNS = "name, task, queue, priority, max_attempts, payload, options, meta, rule, " +
  "start_at, end_at, max_runs, catch_up, overlap, paused, next_run_at, last_run_at, last_job_id, " +
  "runs, created_at, updated_at, stamp";

const LOOK = `
  SELECT ${NOW}, ${COLUMNS} FROM (SELECT 1) LEFT JOIN errand_schedule ON name = ?2`;

const LIST = `
  SELECT ${COLUMNS} FROM errand_schedule WHERE name > ?1 ORDER BY name LIMIT ?2`;

const names = COLUMNS.split(", ");

/** `?1` and up are the columns, and the last one the stamp that the row must have. */
const PUT = `
  INSERT INTO errand_schedule (${COLUMNS})
  VALUES (${names.map((_, i) => `?${i + 1}`).join(", ")})
  ON CONFLICT (name) DO UPDATE
  SET ${names.map((name) => `${name} = excluded.${name}`).join(", ")}
  WHERE stamp = ?${names.length + 1}`;

const HAS_STAMP = "SELECT 1 FROM errand_schedule WHERE name = ?1 AND stamp = ?2";

const GET = `SELECT ${COLUMNS} FROM errand_schedule WHERE name = ?1`;
const REMOVE = "DELETE FROM errand_schedule WHERE name = ?1";

/** `?2` are the functions that are known, `?3` the schedules to be left alone. */
const MOVABLE = `
  (rule ->> '$.next' IS NULL OR rule ->> '$.next' IN (SELECT value FROM json_each(?2)))
  AND name NOT IN (SELECT value FROM json_each(?3))`;

/** Due ones, by the index over the next occurrences. */
export const DUE: string = `
  SELECT ${COLUMNS} FROM errand_schedule
  WHERE next_run_at <= ${NOW} AND ${MOVABLE} ORDER BY next_run_at LIMIT ?4`;

/** The first one that is due later. */
export const NEXT: string = `
  SELECT next_run_at - ${NOW} FROM errand_schedule
  WHERE next_run_at > ${NOW} AND ${MOVABLE} ORDER BY next_run_at LIMIT 1`;

const THE_TIME = `SELECT ${NOW}`;

/** What an occurrence's job has of its schedule. */
function jobOf(id: string, at: string): string {
  return `${id}, task, queue, CASE WHEN ${at} <= ${NOW} THEN 'available' ELSE 'scheduled' END,
    priority, ${at}, max_attempts, ${NOW}, payload,
    json_set(coalesce(options, '{}'), '$.schedule', json_object('name', name, 'at', ${at})), meta`;
}

const INSERT = `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, max_attempts, created_at,
    payload, options, meta)`;

/**
 * `?2` is `[[name, stamp, next, [[job, at], …]], …]`. Before the move: the schedule still stands
 * where it was read, or this enqueues nothing.
 */
const ENQUEUE = `${INSERT}
  SELECT ${jobOf("occurrence.value ->> 0", "(occurrence.value ->> 1)")}
  FROM json_each(?2) AS move
  CROSS JOIN errand_schedule ON name = move.value ->> 0 AND stamp = move.value ->> 1
  CROSS JOIN json_each(move.value, '$[3]') AS occurrence
  WHERE NOT (overlap = 'skip' AND EXISTS (
    SELECT 1 FROM errand_job WHERE errand_job.id = last_job_id AND ended_at IS NULL))
  ON CONFLICT (id) DO NOTHING`;

/** The occurrences of a move that were enqueued. */
const MADE = `json_each(move.value, '$[3]') AS made
  CROSS JOIN errand_job ON errand_job.id = made.value ->> 0`;

const MOVE = `
  UPDATE errand_schedule SET
    stamp = ?3,
    runs = runs + (SELECT count(*) FROM ${MADE}),
    next_run_at = CASE WHEN runs + (SELECT count(*) FROM ${MADE}) >= max_runs THEN NULL
      ELSE move.value ->> 2 END,
    last_run_at = coalesce((SELECT max(made.value ->> 1) FROM ${MADE}), last_run_at),
    last_job_id = coalesce(
      (SELECT made.value ->> 0 FROM ${MADE} ORDER BY made.key DESC LIMIT 1), last_job_id)
  FROM json_each(?2) AS move
  WHERE name = move.value ->> 0 AND stamp = move.value ->> 1`;

const JOBS = `
  SELECT ${JOB_COLUMNS} FROM errand_job WHERE id IN (SELECT value FROM json_each(?1))`;

const RUN = `${INSERT} SELECT ${jobOf("?2", NOW)} FROM errand_schedule WHERE name = ?3
  ON CONFLICT (id) DO NOTHING`;

/** Schedules in the database behind `driver`. */
export class ScheduleStore implements ScheduleBroker {
  readonly #driver: Driver;
  readonly #clock: Clock;

  /** The database must have been migrated. */
  constructor(driver: Driver, clock: Clock) {
    this.#driver = driver;
    this.#clock = clock;
  }

  async look(name: string): Promise<ScheduleLook> {
    const [found] = await this.#driver.read([
      { sql: LOOK, args: [this.#clock.databaseNow(), name] },
    ]);
    const [now, ...row] = found!.rows[0]!;
    return { nowMs: Number(now), ...(row[0] !== null && { record: toRecord(row) }) };
  }

  async list(after: string, limit: number): Promise<readonly ScheduleRecord[]> {
    const [found] = await this.#driver.read([{ sql: LIST, args: [after, limit] }]);
    return found!.rows.map(toRecord);
  }

  async put(record: ScheduleRecord, was: string | null): Promise<boolean> {
    const { name, stamp } = record;
    const [, there] = await this.#driver.write([
      { sql: PUT, args: [...values(record), was] },
      { sql: HAS_STAMP, args: [name, stamp] },
    ]);
    return there!.rows.length > 0;
  }

  async remove(name: string): Promise<ScheduleRecord | undefined> {
    const get = { sql: GET, args: [name] };
    const before = this.#driver.sameClock ? undefined : await this.#driver.read([get]);
    const results = await this.#driver.write([get, { sql: REMOVE, args: [name] }]);
    const row = (results.repeated ? before?.[0] : results[0])?.rows[0]; // an answer may be lost
    return row && toRecord(row);
  }

  async due({ limit, functions, except }: DueRequest): Promise<DueSchedules> {
    const able = [this.#clock.databaseNow(), JSON.stringify(functions), JSON.stringify(except)];
    const [due, next, time] = await this.#driver.read([
      { sql: DUE, args: [...able, limit] },
      { sql: NEXT, args: able },
      { sql: THE_TIME, args: able.slice(0, 1) },
    ]);
    return {
      due: due!.rows.map(toRecord),
      nowMs: Number(time!.rows[0]![0]),
      ...soonest(next!),
    };
  }

  async move(moves: readonly ScheduleMove[], stamp: string): Promise<readonly Job[]> {
    const now = this.#clock.databaseNow();
    const text = JSON.stringify(moves.map(({ name, stamp, nextRunMs, occurrences }) => [
      ...[name, stamp, nextRunMs],
      occurrences.map(({ id, atMs }) => [id, atMs]),
    ]));
    const ids = moves.flatMap(({ occurrences }) => occurrences.map(({ id }) => id));
    const results = await this.#driver.write([
      { sql: ENQUEUE, args: [now, text] },
      { sql: MOVE, args: [null, text, stamp] },
      { sql: JOBS, args: [JSON.stringify(ids)] },
    ]);
    return results[2]!.rows.map(toJob);
  }

  async run(name: string, id: string): Promise<Job | undefined> {
    const [, jobs] = await this.#driver.write([
      { sql: RUN, args: [this.#clock.databaseNow(), id, name] },
      { sql: JOBS, args: [JSON.stringify([id])] },
    ]);
    return jobs!.rows.map(toJob)[0];
  }
}

function soonest(next: Result): { readonly nextDueMs?: number } {
  const ms = next.rows[0]?.[0];
  return ms === undefined ? {} : { nextDueMs: Number(ms) };
}

/** In the order of the columns. */
function values(of: ScheduleRecord): Value[] {
  return [
    ...[of.name, of.task, of.queue, of.priority, of.maxAttempts, of.payload, of.options, of.meta],
    ...[JSON.stringify(of.rule), of.startMs, of.endMs, of.maxRuns, of.catchUp, of.overlap],
    ...[of.paused ? 1 : 0, of.nextRunMs, of.lastRunMs, of.lastJobId, of.runs],
    ...[of.createdMs, of.updatedMs, of.stamp],
  ];
}

function toRecord(row: Row): ScheduleRecord {
  const number = (at: number): number | null => row[at] === null ? null : Number(row[at]);
  const text = (at: number): string | null => row[at] as string | null;
  return {
    name: row[0] as string,
    task: row[1] as string,
    queue: row[2] as string,
    priority: Number(row[3]),
    maxAttempts: number(4),
    payload: row[5] as string,
    options: text(6),
    meta: text(7),
    rule: JSON.parse(row[8] as string) as Rule,
    startMs: Number(row[9]),
    endMs: number(10),
    maxRuns: number(11),
    catchUp: row[12] as CatchUp,
    overlap: row[13] as Overlap,
    paused: Number(row[14]) === 1,
    nextRunMs: number(15),
    lastRunMs: number(16),
    lastJobId: text(17),
    runs: Number(row[18]),
    createdMs: Number(row[19]),
    updatedMs: Number(row[20]),
    stamp: row[21] as string,
  };
}
