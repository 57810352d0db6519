/**
 * The row of a worker, written anew with the heartbeats of its leases.
 *
 * @module
 */
import type { WorkerBeat, WorkerCommand } from "../worker-broker.ts";
import type { Result, Statement } from "./driver/driver.ts";
import { NOW } from "./sql.ts";

/** A worker that was forgotten, or slept for long, is there again. */
const BEAT = `
  INSERT INTO errand_worker
    (id, name, process, queues, concurrency, lease_ms, state, started_at, heartbeat_at)
  VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ${NOW} - ?9, ${NOW})
  ON CONFLICT (id) DO UPDATE SET
    queues = excluded.queues, state = excluded.state, heartbeat_at = excluded.heartbeat_at
  RETURNING command, grace_ms, reason`;

/** What a worker says of itself; {@linkcode commandOf} reads what it is answered. */
export function beatStatement(now: number | null, beat: WorkerBeat, leaseMs: number): Statement {
  const { id, name, process, queues, concurrency, state, ageMs } = beat;
  const [where, limits] = [JSON.stringify(process), JSON.stringify(queues)];
  return {
    sql: BEAT,
    args: [now, id, name, where, limits, concurrency, leaseMs, state, Math.round(ageMs)],
  };
}

/** The command in a row `command, grace_ms, reason`. */
export function commandOf(result: Result): WorkerCommand | undefined {
  const [kind = null, graceMs, reason] = result.rows[0] ?? [];
  if (kind === null) return undefined;
  return {
    kind: kind as WorkerCommand["kind"],
    graceMs: graceMs === null ? null : Number(graceMs),
    reason: reason as string | null,
  };
}
