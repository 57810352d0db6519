/**
 * Marks: a row each, its holder's until it expires.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { MarkBroker, MarkRelease } from "../mark-broker.ts";
import type { Driver } from "./driver/driver.ts";
import { isFull, NOW } from "./sql.ts";

const TAKE = `
  INSERT INTO errand_mark (name, holder, expires_at) VALUES (?2, ?3, ${NOW} + ?4)
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
  WHERE holder = excluded.holder OR expires_at <= ${NOW}`;

/** Marks that are taken once and never given up go with later ones: some of the next by name. */
const FORGET_SOME = `
  DELETE FROM errand_mark WHERE expires_at <= ${NOW} AND name IN (
    SELECT name FROM errand_mark WHERE name > ?2 AND name < 'once;' ORDER BY name LIMIT 20)`;

const PROLONG = `
  UPDATE errand_mark SET expires_at = ${NOW} + ?4 WHERE name = ?2 AND holder = ?3`;

const HELD = `SELECT 1 FROM errand_mark WHERE name = ?2 AND expires_at > ${NOW}`;

const RELEASE = "DELETE FROM errand_mark WHERE name = ?1 AND holder = ?2";

const HELD_BY = "SELECT 1 FROM errand_mark WHERE name = ?1 AND holder = ?2";

const RUNNING = `
  SELECT 1 FROM errand_lease, json_each(errand_lease.jobs) AS listed
  CROSS JOIN errand_job ON errand_job.id = listed.value
  WHERE lease_id = errand_lease.id AND state = 'running' AND errand_job.queue = queue.value`;

/** One statement, so that no job comes between the look and the end of the mark. */
const RELEASE_IDLE = `
  DELETE FROM errand_mark WHERE name = ?2 AND holder = ?3 AND NOT EXISTS (
    SELECT 1 FROM json_each(?4) AS queue
    WHERE NOT EXISTS (SELECT 1 FROM errand_queue WHERE name = queue.value AND paused = 1)
      AND (EXISTS (SELECT 1 FROM errand_job
          WHERE state = 'available' AND errand_job.queue = queue.value)
          AND NOT ${isFull("queue.value")}
        OR EXISTS (SELECT 1 FROM errand_job
          WHERE state = 'scheduled' AND errand_job.queue = queue.value
            AND (?5 = 1 OR run_at <= ${NOW}))
        OR (?5 = 1 AND EXISTS (${RUNNING}))))`;

/** Marks in the database behind `driver`. */
export class MarkStore implements MarkBroker {
  readonly #driver: Driver;
  readonly #clock: Clock;

  /** The database must have been migrated. */
  constructor(driver: Driver, clock: Clock) {
    this.#driver = driver;
    this.#clock = clock;
  }

  async take(name: string, holder: string, forMs: number): Promise<boolean> {
    const now = this.#clock.databaseNow();
    const [taken] = await this.#driver.write([
      { sql: TAKE, args: [now, name, holder, forMs] },
      ...(name.startsWith("once:") ? [{ sql: FORGET_SOME, args: [now, name] }] : []),
    ]);
    return taken!.changes > 0;
  }

  async prolong(name: string, holder: string, forMs: number): Promise<boolean> {
    return await this.#write(PROLONG, [this.#clock.databaseNow(), name, holder, forMs]);
  }

  async held(name: string): Promise<boolean> {
    const args = [this.#clock.databaseNow(), name];
    const [found] = await this.#driver.read([{ sql: HELD, args }]);
    return found!.rows.length > 0;
  }

  async releaseIdle({ name, holder, queues, later }: MarkRelease): Promise<boolean> {
    const now = this.#clock.databaseNow();
    const args = [now, name, holder, JSON.stringify(queues), later ? 1n : 0n];
    // asked whether it is held still, as the answer to the first of two tries may be lost
    const [, held] = await this.#driver.write([
      { sql: RELEASE_IDLE, args },
      { sql: HELD_BY, args: [name, holder] },
    ]);
    return held!.rows.length === 0;
  }

  async release(name: string, holder: string): Promise<void> {
    await this.#write(RELEASE, [name, holder]);
  }

  async #write(sql: string, args: readonly (string | number | bigint | null)[]): Promise<boolean> {
    const [result] = await this.#driver.write([{ sql, args }]);
    return result!.changes > 0;
  }
}
