/**
 * What jobs of a queue get at their enqueueing where neither they nor their task says something.
 *
 * @module
 */
import type { RetryPolicy } from "./backoff.ts";
import { invalid, show } from "./errors.ts";
import { checkName, checkPolicy, type JobPolicy, type Policy } from "./task.ts";

/** The defaults of queues, by name. */
export type QueueDefaults = ReadonlyMap<string, Policy>;

/** Checks the defaults that an Errand is opened with. */
export function checkQueueDefaults(queues: Readonly<Record<string, JobPolicy>>): QueueDefaults {
  if (typeof queues !== "object" || queues === null) {
    throw invalid(`Cannot use ${show(queues)} as queues: it is an object from name to defaults`);
  }
  return new Map(
    Object.entries(queues).map(([name, options]) => {
      const what = `queue ${show(checkName(name, "the name of a queue"))}`;
      if (typeof options?.retry?.delay === "function") {
        throw invalid(
          `Cannot use a function as retry.delay of ${what}: a job cannot carry it; give it to ` +
            `the task`,
        );
      }
      return [name, checkPolicy(options ?? {}, what)] as const;
    }),
  );
}

/** The part of `queue` on which neither `task` nor `job` says anything. */
export function unsaid(queue: Policy, task: Policy, job: Policy): Policy {
  const retry = unsaidRetry(queue.retry ?? {}, { ...task.retry, ...job.retry });
  const said = { ...task, ...job };
  return {
    ...(Object.keys(retry).length > 0 && { retry }),
    ...(said.timeoutMs === undefined && queue.timeoutMs !== undefined &&
      { timeoutMs: queue.timeoutMs }),
    ...(said.retentionMs === undefined && queue.retentionMs !== undefined &&
      { retentionMs: queue.retentionMs }),
  };
}

/** A task's delay function decides on all that has to do with the delay. */
function unsaidRetry(queue: RetryPolicy, said: RetryPolicy): RetryPolicy {
  const { maxAttempts, ...delays } = queue;
  const rest = said.delay === undefined ? delays : {};
  const left = { ...(maxAttempts !== undefined && { maxAttempts }), ...rest };
  return Object.fromEntries(
    Object.entries(left).filter(([name]) => said[name as keyof RetryPolicy] === undefined),
  );
}
