/**
 * How many jobs there are.
 *
 * @module
 */
import * as v from "valibot";
import { JOB_STATES, type QueueStats, type StateCounts, type Stats } from "../../job.ts";
import { reaches } from "../access.ts";
import { json } from "../answer.ts";
import type { Caller } from "../auth.ts";
import { type Field, named, time, whole } from "../fields.ts";
import { type Call, type Route, route } from "../route.ts";

const count = whole(0, Number.MAX_SAFE_INTEGER);
const counts = {
  scheduled: count,
  available: count,
  running: count,
  completed: count,
  failed: count,
  cancelled: count,
} as const;
const queueEntries = {
  ...counts,
  paused: v.boolean(),
  limit: v.exactOptional(whole(1, Number.MAX_SAFE_INTEGER)),
  nextRunAt: v.exactOptional(time),
  availableSince: v.exactOptional(time),
} as const;

/** A queue with its name. */
export const queueBody: Field<unknown> = named(
  "Queue",
  v.strictObject({ name: v.string(), ...queueEntries }),
);
const statsBody: Field<unknown> = named(
  "Stats",
  v.strictObject({
    ...counts,
    queues: v.record(v.string(), v.strictObject(queueEntries)),
    nextRunAt: v.exactOptional(time),
  }),
);

/** `/v1/stats`. */
export const statsRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/stats",
    scope: "read",
    alsoFor: "work", // a drain tells what it has left
    tag: "Queues",
    summary: "How many jobs are in each state, in all and by queue",
    answers: { 200: { description: "The counts", schema: statsBody } },
    handle: async (call) => json(await reachedStats(call)),
  }),
];

/** The counts of the queues that the caller may have to do with. */
export async function reachedStats(
  { errand, caller }: Pick<Call, "errand" | "caller">,
): Promise<Stats> {
  const stats = await errand.stats();
  return caller.queues === undefined ? stats : reached(caller, stats);
}

function reached(caller: Caller, stats: Stats): Stats {
  const queues: Record<string, QueueStats> = Object.fromEntries(
    Object.entries(stats.queues).filter(([name]) => reaches(caller, name)),
  );
  const all = Object.values(queues);
  const sums = Object.fromEntries(
    JOB_STATES.map((state) => [state, all.reduce((sum, of) => sum + of[state], 0)]),
  ) as StateCounts;
  const due = all.flatMap(({ nextRunAt }) => nextRunAt?.getTime() ?? []);
  return { ...sums, queues, ...(due.length > 0 && { nextRunAt: new Date(Math.min(...due)) }) };
}
