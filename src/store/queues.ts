/**
 * Queues: pausing and limiting them, and counting what they hold.
 *
 * @module
 */
import { JOB_STATES, type JobState, type Stats } from "../job.ts";
import type { Driver, Result } from "./driver/driver.ts";

const SET_PAUSED = `
  INSERT INTO errand_queue (name, paused) VALUES (?1, ?2)
  ON CONFLICT (name) DO UPDATE SET paused = excluded.paused WHERE paused <> excluded.paused`;

/** Pauses or resumes a queue; whether that changed anything. */
export async function setPaused(driver: Driver, queue: string, paused: boolean): Promise<boolean> {
  const results = await driver.write([{ sql: SET_PAUSED, args: [queue, paused ? 1n : 0n] }]);
  return results[0]!.changes > 0 || results.repeated === true;
}

const SET_LIMIT = `
  INSERT INTO errand_queue (name, run_limit) VALUES (?1, ?2)
  ON CONFLICT (name) DO UPDATE SET run_limit = excluded.run_limit
  WHERE run_limit IS NOT excluded.run_limit`;

/** Says how many jobs of a queue may run at once; `null` ends that. */
export async function setLimit(driver: Driver, queue: string, most: number | null): Promise<void> {
  await driver.write([{ sql: SET_LIMIT, args: [queue, most === null ? null : BigInt(most)] }]);
}

/** The first two count live jobs by their indexes, the last one reads the tally of ended ones. */
const COUNTS = `
  SELECT queue, 'available', count(*), min(run_at) FROM errand_job
  WHERE state = 'available' GROUP BY queue
  UNION ALL
  SELECT queue, 'scheduled', count(*), min(run_at) FROM errand_job
  WHERE state = 'scheduled' GROUP BY queue
  UNION ALL
  SELECT queue, 'running', count(*), NULL
  FROM (SELECT listed.value AS listed, errand_lease.id AS lease
    FROM errand_lease, json_each(errand_lease.jobs) AS listed)
  CROSS JOIN errand_job ON errand_job.id = listed
  WHERE lease_id = lease AND state = 'running' GROUP BY queue
  UNION ALL
  SELECT queue, state, n, NULL FROM errand_tally WHERE n > 0`;

const SET = `
  SELECT name, paused, run_limit FROM errand_queue WHERE paused = 1 OR run_limit IS NOT NULL`;

/** How many jobs are in each state, in all and by queue. */
export async function stats(driver: Driver): Promise<Stats> {
  const [counts, set] = await driver.read([
    { sql: COUNTS, args: [] },
    { sql: SET, args: [] },
  ]);
  const queues = byQueue(counts!, set!);
  const due = Object.values(queues).flatMap(({ nextRunAt }) => nextRunAt?.getTime() ?? []);
  return {
    ...total(Object.values(queues)),
    queues,
    ...(due.length > 0 && { nextRunAt: new Date(Math.min(...due)) }),
  };
}

type Counts = Record<JobState, number>;
type QueueCounts = Counts & {
  paused: boolean;
  limit?: number;
  nextRunAt?: Date;
  availableSince?: Date;
};

function byQueue(counts: Result, set: Result): Record<string, QueueCounts> {
  const queues: Record<string, QueueCounts> = Object.create(null);
  const of = (name: string): QueueCounts => queues[name] ??= { ...zero(), paused: false };
  for (const [name, state, n, dueMs] of counts.rows) {
    const queue = of(name as string);
    queue[state as JobState] = Number(n);
    if (dueMs === null || dueMs === undefined) continue;
    queue[state === "available" ? "availableSince" : "nextRunAt"] = new Date(Number(dueMs));
  }
  for (const [name, paused, limit] of set.rows) {
    const queue = of(name as string);
    queue.paused = Number(paused) === 1;
    if (limit !== null) queue.limit = Number(limit);
  }
  return queues;
}

function zero(): Counts {
  return Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Counts;
}

function total(queues: readonly Counts[]): Counts {
  const sums = zero();
  for (const counts of queues) {
    for (const state of JOB_STATES) sums[state] += counts[state];
  }
  return sums;
}
