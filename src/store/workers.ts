/**
 * Workers: a row each, which it writes itself.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { WorkerBroker, WorkerCommand } from "../worker-broker.ts";
import type { WorkerInfo, WorkerProcess, WorkerState } from "../worker-info.ts";
import { commandOf } from "./beat.ts";
import type { Driver, Result, Row, Statement } from "./driver/driver.ts";
import { NOW } from "./sql.ts";

const STATE = `CASE WHEN heartbeat_at + lease_ms <= ${NOW} THEN 'dead'
  WHEN command = 'stop' OR state = 'stopping' THEN 'stopping'
  WHEN command = 'drain' OR state = 'draining' THEN 'draining'
  ELSE 'running' END`;

const COLUMNS =
  `id, name, ${STATE}, process, queues, concurrency, started_at, heartbeat_at, reason`;

const PAGE = "FROM errand_worker WHERE id > ?2 ORDER BY id LIMIT ?3";
const LIST = `SELECT ${COLUMNS} ${PAGE}`;
const GET = `SELECT ${COLUMNS} FROM errand_worker WHERE id = ?2`;

/** By the leases: each lists the jobs that it took, and those say whether it still holds them. */
function runningSql(workers: string): string {
  return `
  SELECT worker, count(*) FROM errand_lease
  CROSS JOIN json_each(errand_lease.jobs) AS listed
  CROSS JOIN errand_job ON errand_job.id = listed.value
  WHERE worker ${workers} AND lease_id = errand_lease.id AND errand_job.state = 'running'
  GROUP BY worker`;
}

const RUNNING_OF_PAGE = runningSql(
  "IN (SELECT id FROM errand_worker WHERE id > ?1 ORDER BY id LIMIT ?2)",
);
const RUNNING_OF_ONE = runningSql("= ?1");

/** What was asked before is only ever sharpened. */
const ASK = `
  UPDATE errand_worker SET
    command = max(coalesce(command, ?2), ?2),
    grace_ms = min(coalesce(grace_ms, ?3), coalesce(?3, grace_ms)),
    reason = coalesce(?4, reason)
  WHERE id = ?1`;

const ASKED = "SELECT command, grace_ms, reason FROM errand_worker WHERE id = ?1";

const REMOVE = "DELETE FROM errand_worker WHERE id = ?1";

const LONG_DEAD = `
  SELECT id FROM errand_worker WHERE heartbeat_at + lease_ms + ?2 <= ${NOW} LIMIT ?3`;
const PRUNE = `DELETE FROM errand_worker WHERE id IN (${LONG_DEAD})`;

/** Workers in the database behind `driver`. */
export class WorkerStore implements WorkerBroker {
  readonly #driver: Driver;
  readonly #clock: Clock;

  /** The database must have been migrated. */
  constructor(driver: Driver, clock: Clock) {
    this.#driver = driver;
    this.#clock = clock;
  }

  async list(after: string, limit: number): Promise<readonly WorkerInfo[]> {
    const [found, running] = await this.#driver.read([
      { sql: LIST, args: [this.#clock.databaseNow(), after, limit] },
      { sql: RUNNING_OF_PAGE, args: [after, limit] },
    ]);
    return infos(found!, running!);
  }

  async get(id: string): Promise<WorkerInfo | undefined> {
    const [found, running] = await this.#driver.read(this.#looks(id));
    return infos(found!, running!)[0];
  }

  async ask(id: string, { kind, graceMs, reason }: WorkerCommand): Promise<WorkerInfo | undefined> {
    const [, found, running] = await this.#driver.write([
      { sql: ASK, args: [id, kind, graceMs, reason] },
      ...this.#looks(id),
    ]);
    return infos(found!, running!)[0];
  }

  async asked(id: string): Promise<WorkerCommand | undefined> {
    const [found] = await this.#driver.read([{ sql: ASKED, args: [id] }]);
    return commandOf(found!);
  }

  async remove(id: string): Promise<void> {
    await this.#driver.write([{ sql: REMOVE, args: [id] }]);
  }

  /** Looks first: mostly there is nothing to write. */
  async prune(deadMs: number, limit: number): Promise<void> {
    const args = [this.#clock.databaseNow(), deadMs, limit];
    const [found] = await this.#driver.read([{ sql: LONG_DEAD, args }]);
    if (found!.rows.length > 0) await this.#driver.write([{ sql: PRUNE, args }]);
  }

  #looks(id: string): Statement[] {
    return [
      { sql: GET, args: [this.#clock.databaseNow(), id] },
      { sql: RUNNING_OF_ONE, args: [id] },
    ];
  }
}

function infos(found: Result, running: Result): WorkerInfo[] {
  const counts = new Map(running.rows.map(([worker, n]) => [worker as string, Number(n)]));
  return found.rows.map((row) => toInfo(row, counts.get(row[0] as string) ?? 0));
}

function toInfo(row: Row, running: number): WorkerInfo {
  return {
    id: row[0] as string,
    name: row[1] as string,
    state: row[2] as WorkerState,
    ...JSON.parse(row[3] as string) as WorkerProcess,
    queues: JSON.parse(row[4] as string) as WorkerInfo["queues"],
    concurrency: Number(row[5]),
    running,
    startedAt: new Date(Number(row[6])),
    heartbeatAt: new Date(Number(row[7])),
    ...(row[8] !== null && { reason: row[8] as string }),
  };
}
