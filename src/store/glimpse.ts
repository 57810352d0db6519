/**
 * Looking for work in queues.
 *
 * @module
 */
import type { Glimpse } from "../broker.ts";
import { NEXT_DUE, prospect } from "./claim.ts";
import type { Driver } from "./driver/driver.ts";
import { isFull } from "./sql.ts";

/** Whether the queues that hold an available job are full. */
const WORK = `
  SELECT ${isFull("queue.value")} FROM json_each(?1) AS queue
  WHERE EXISTS (SELECT 1 FROM errand_job
      WHERE state = 'available' AND errand_job.queue = queue.value)
    AND NOT EXISTS (SELECT 1 FROM errand_queue WHERE name = queue.value AND paused = 1)`;

/** Whether one of `queues` holds a job to claim, and when the next scheduled one is due. */
export async function glimpse(
  driver: Driver,
  now: number | null,
  queues: readonly string[],
): Promise<Glimpse> {
  const [work, next] = await driver.read([
    { sql: WORK, args: [JSON.stringify(queues)] },
    { sql: NEXT_DUE, args: [now] },
  ]);
  const full = work!.rows.map(([full]) => Number(full) === 1);
  return {
    available: full.includes(false),
    ...(full.includes(true) && { limited: true }),
    ...prospect(next!),
  };
}
