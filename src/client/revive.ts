/**
 * Instants made from the texts that they are in JSON.
 *
 * @module
 */
import type { Wire } from "../http/wire.ts";
import type { Job, JobPage, QueueStats, Stats } from "../job.ts";
import type { Schedule } from "../schedule.ts";
import type { WorkerInfo } from "../worker-info.ts";

/** The job of an answer. */
export function toJob(wire: Wire<Job>): Job {
  const { schedule } = wire;
  const job = dated<Job>(wire, ["runAt", "createdAt", "startedAt", "endedAt"]);
  return schedule === undefined ? job : { ...job, schedule: dated(schedule, ["at"]) };
}

/** The page of an answer. */
export function toJobPage({ jobs, cursor }: Wire<JobPage>): JobPage {
  return { jobs: jobs.map(toJob), ...(cursor !== undefined && { cursor }) };
}

/** The schedule of an answer. */
export function toSchedule(wire: Wire<Schedule>): Schedule {
  const bounds = ["startAt", "endAt", "nextRunAt", "lastRunAt"] as const;
  return dated(wire, [...bounds, "createdAt", "updatedAt"]);
}

/** The worker of an answer. */
export function toWorker(wire: Wire<WorkerInfo>): WorkerInfo {
  return dated(wire, ["startedAt", "heartbeatAt"]);
}

/** The counts of an answer. */
export function toStats(wire: Wire<Stats>): Stats {
  const queues = Object.entries(wire.queues)
    .map(([name, of]) => [name, dated<QueueStats>(of, ["nextRunAt", "availableSince"])]);
  return { ...dated<Stats>(wire, ["nextRunAt"]), queues: Object.fromEntries(queues) };
}

/** Of an object that nobody else has. */
function dated<Value extends object>(
  wire: object,
  names: readonly (keyof Value & string)[],
): Value {
  const value = wire as Record<string, unknown>;
  for (const name of names) {
    const text = value[name];
    if (typeof text === "string") value[name] = new Date(text);
  }
  return value as Value;
}
