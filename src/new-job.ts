/**
 * From what a caller enqueues to what is stored, checked.
 *
 * @module
 */
import type { NewJob } from "./broker.ts";
import { decode, encode } from "./codec.ts";
import { durationMs, instantMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { newId } from "./id.ts";
import type { Job } from "./job.ts";
import { parse } from "./schema.ts";
import { checkName, checkPolicy, checkPriority, type EnqueueOptions, type Task } from "./task.ts";

/** What jobs are made with. */
export interface NewJobHost {
  readonly payloadLimitBytes: number;
}

/** A job to be stored, and its payload as its caller will see it. */
export interface Prepared {
  readonly stored: NewJob;
  readonly payload: unknown;
}

const META_LIMIT_BYTES = 64 * 1024;
const NO_OPTIONS: EnqueueOptions = {};

/** What all jobs of one call share: the options, checked once. */
export type Shared = Omit<NewJob, "id" | "payload">;

/** Checks `options` for jobs of `task`. */
export function sharedPart(
  task: Pick<Task, "name" | "queue" | "priority" | "policy">,
  options: EnqueueOptions = NO_OPTIONS,
): Shared {
  const { delay, runAt, queue, priority, meta, parentId, retry } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw invalid(`Cannot enqueue "${task.name}": delay and runAt exclude each other`);
  }
  const ownPolicy = checkPolicy(options, `a job of task "${task.name}"`);
  const maxAttempts = ownPolicy.retry?.maxAttempts ?? task.policy.retry?.maxAttempts ?? null;
  if (typeof retry?.delay === "function") {
    throw invalid(
      `Cannot enqueue "${task.name}": retry.delay is a function, which a job cannot carry; ` +
        `give it to the task`,
    );
  }
  return {
    task: task.name,
    queue: queue === undefined ? task.queue : checkName(queue, "the queue of a job"),
    priority: priority === undefined ? task.priority : checkPriority(priority, "priority"),
    runAtMs: runAt === undefined ? null : instantMs(runAt, "runAt"),
    delayMs: delay === undefined ? 0 : durationMs(delay, "delay"),
    maxAttempts,
    parentId: parentId === undefined ? null : checkName(parentId, "parentId"),
    options: Object.keys(ownPolicy).length === 0 ? null : JSON.stringify(ownPolicy),
    meta: meta === undefined ? null : metaText(meta),
  };
}

function metaText(meta: unknown): string {
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw invalid(`Cannot use ${show(meta)} as meta: it is an object of JSON values`);
  }
  return encode(meta, { what: "meta", limitBytes: META_LIMIT_BYTES }).text;
}

/** Checks a payload by its task's schema; at once when the schema answers at once. */
export function prepare(
  task: Pick<Task, "name" | "input">,
  shared: Shared,
  payload: unknown,
  host: NewJobHost,
): Prepared | Promise<Prepared> {
  const encoded = encode(payload, { what: "payload", limitBytes: host.payloadLimitBytes });
  // What a toJSON method has changed is checked as the handler will get it.
  const seen = encoded.converted ? decode(encoded.text) : payload;
  const prepared: Prepared = {
    stored: { ...shared, id: newId(), payload: encoded.text },
    payload: seen === undefined ? null : seen,
  };
  const parsed = parse(task.input, seen, `enqueue "${task.name}"`);
  return parsed instanceof Promise ? parsed.then(() => prepared) : prepared;
}

/** The job as it stands right after its enqueueing. */
export function enqueuedJob({ stored, payload }: Prepared, createdAtMs: number): Job {
  const runAtMs = stored.runAtMs ?? createdAtMs + stored.delayMs;
  return {
    id: stored.id,
    task: stored.task,
    queue: stored.queue,
    state: runAtMs <= createdAtMs ? "available" : "scheduled",
    priority: stored.priority,
    payload,
    errors: [],
    attempt: 0,
    ...(stored.maxAttempts !== null && { maxAttempts: stored.maxAttempts }),
    runAt: new Date(runAtMs),
    createdAt: new Date(createdAtMs),
    ...(stored.meta !== null && { meta: decode(stored.meta) as Record<string, unknown> }),
    ...(stored.parentId !== null && { parentId: stored.parentId }),
  };
}
