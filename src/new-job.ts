/**
 * From what a caller enqueues to what is stored, checked.
 *
 * @module
 */
import type { EnqueueAnswer } from "./broker.ts";
import type { JobTerms, NewJob } from "./job-terms.ts";
import { decode, encode } from "./codec.ts";
import { durationMs, instantMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { newId } from "./id.ts";
import type { EnqueuedJob } from "./job.ts";
import { checkMembers } from "./members.ts";
import { type QueueDefaults, unsaid } from "./queue-defaults.ts";
import { parse } from "./schema.ts";
import {
  checkName,
  checkPolicy,
  checkPriority,
  type EnqueueOptions,
  type Policy,
  type Task,
} from "./task.ts";
import type { Tasks } from "./tasks.ts";
import type { JoinOptions } from "./transaction.ts";
import { checkOutlives, uniqueKey, type UniqueRule, uniqueRule } from "./unique.ts";

/** What jobs are made with. */
export interface NewJobHost {
  readonly payloadLimitBytes: number;
}

/** A job to be stored, and its payload as its caller will see it. */
export interface Prepared extends NewJob {
  readonly value: unknown;
}

/** Jobs as they were asked for, and what the store answered. */
export interface Stored {
  readonly jobs: readonly Prepared[];
  readonly answer: EnqueueAnswer;
}

const META_LIMIT_BYTES = 64 * 1024;
const ENQUEUE_MAX = 10_000;

/** `items`, when it is a list, and they are not too many for one call. */
export function checkCount<Item>(items: readonly Item[]): readonly Item[] {
  if (!Array.isArray(items)) throw invalid(`Cannot enqueue ${show(items)}: it is no list`);
  if (items.length <= ENQUEUE_MAX) return items;
  throw invalid(
    `Cannot enqueue ${items.length} jobs at once: ${ENQUEUE_MAX} is the most, so that others ` +
      `have their turn; use several calls`,
  );
}

/** What the terms of a job are made from. */
export type TermsSource = Pick<
  Task,
  "name" | "queue" | "priority" | "policy" | "onLeaseExpired" | "unique"
>;

/** Where a producer knows tasks, an unknown name is a mistake; where it knows none, a wish. */
export function knownTask(task: Task | string, tasks: Tasks): TermsSource & Pick<Task, "input"> {
  if (typeof task !== "string") {
    if (typeof task?.run === "function") return task;
    throw invalid(`Cannot enqueue ${show(task)}: it is no task, nor the name of one`);
  }
  const known = tasks.get(task);
  if (known !== undefined) return known;
  const names = tasks.all().map(({ name }) => name);
  if (names.length > 0) {
    throw invalid(
      `Cannot enqueue ${show(task)}: this Errand knows no such task, only ${names.join(", ")}; ` +
        `register it`,
    );
  }
  const name = checkName(task, "a task's name");
  return { name, queue: "default", priority: 0, policy: {}, onLeaseExpired: "retry" };
}

const plainTerms = new WeakMap<TermsSource, JobTerms>();

/** The terms of jobs of `task` under `options`, checked once for all of them. */
export function termsOf(
  task: TermsSource,
  options?: EnqueueOptions,
  queues?: QueueDefaults,
): JobTerms {
  const queue = queues?.get(options?.queue ?? task.queue);
  // of a task that is not known here, nobody can tell what it says itself
  const defaults = "run" in task ? queue : undefined;
  if (options !== undefined || defaults !== undefined) {
    return checkedTerms(task, options ?? {}, defaults);
  }
  let terms = plainTerms.get(task);
  if (terms === undefined) plainTerms.set(task, terms = checkedTerms(task, {}));
  return terms;
}

const OPTIONS: readonly string[] = Object.keys(
  {
    ...{ queue: 1, priority: 1, delay: 1, runAt: 1, meta: 1, parentId: 1, unique: 1 },
    ...{ retry: 1, timeout: 1, retention: 1, tx: 1 },
  } satisfies Record<keyof (EnqueueOptions & JoinOptions), 1>,
);

function checkedTerms(task: TermsSource, options: EnqueueOptions, queued?: Policy): JobTerms {
  checkMembers(options, OPTIONS, `the options of a job of task "${task.name}"`);
  const { delay, runAt, queue, priority, meta, parentId, retry } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw invalid(`Cannot enqueue "${task.name}": delay and runAt exclude each other`);
  }
  if (typeof retry?.delay === "function") {
    throw invalid(
      `Cannot enqueue "${task.name}": retry.delay is a function, which a job cannot carry; ` +
        `give it to the task`,
    );
  }
  const own = checkPolicy(options, `a job of task "${task.name}"`);
  const policy = queued === undefined ? own : over(unsaid(queued, task.policy, own), own);
  const unique = uniqueOf(task, options, policy.retentionMs);
  return {
    task: task.name,
    queue: queue === undefined ? task.queue : checkName(queue, "the queue of a job"),
    priority: priority === undefined ? task.priority : checkPriority(priority, "priority"),
    runAtMs: runAt === undefined ? null : instantMs(runAt, "runAt"),
    delayMs: delay === undefined ? 0 : durationMs(delay, "delay"),
    maxAttempts: policy.retry?.maxAttempts ?? task.policy.retry?.maxAttempts ?? null,
    parentId: parentId === undefined ? null : checkName(parentId, "parentId"),
    options: storedOptions(task, policy),
    meta: meta === undefined ? null : metaText(meta),
    ...(unique !== undefined && { unique }),
  };
}

/**
 * What the job says itself, and what must hold also where its task is not known: a stranger may
 * rescue or cancel it.
 */
function storedOptions({ policy, onLeaseExpired }: TermsSource, own: Policy): string | null {
  const options = {
    ...(policy.retentionMs !== undefined && { retentionMs: policy.retentionMs }),
    ...own,
    ...(onLeaseExpired === "fail" && { onLeaseExpired }),
  };
  return Object.keys(options).length === 0 ? null : JSON.stringify(options);
}

function over(queued: Policy, own: Policy): Policy {
  const retry = { ...queued.retry, ...own.retry };
  return { ...queued, ...own, ...(Object.keys(retry).length > 0 && { retry }) };
}

function uniqueOf(
  task: TermsSource,
  options: EnqueueOptions,
  retentionMs: number | null | undefined,
): UniqueRule | undefined {
  const what = `unique of a job of task "${task.name}"`;
  const rule = options.unique === undefined ? task.unique : uniqueRule(options.unique, what);
  checkOutlives(rule, retentionMs === undefined ? task.policy.retentionMs : retentionMs, what);
  return rule;
}

/** The JSON of metadata. @throws {ErrandError} when it has none, or too much. */
export function metaText(meta: unknown): string {
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw invalid(`Cannot use ${show(meta)} as meta: it is an object of JSON values`);
  }
  return encode(meta, { what: "meta", limitBytes: META_LIMIT_BYTES }).text;
}

/**
 * Checks a payload by its task's schema; at once when the schema answers at once. `id`: made
 * before, so that a repetition adds nothing; `given` when a caller did that.
 */
export function prepare(
  task: Pick<Task, "name" | "input">,
  terms: JobTerms,
  payload: unknown,
  host: NewJobHost,
  id: string = newId(),
  given?: Prepared["given"],
): Prepared | Promise<Prepared> {
  const encoded = encode(payload, { what: "payload", limitBytes: host.payloadLimitBytes });
  // What a toJSON method has changed is checked as the handler will get it.
  const seen = encoded.converted ? decode(encoded.text) : payload;
  const value = seen === undefined ? null : seen;
  const prepared: Prepared = given === undefined
    ? { id, payload: encoded.text, terms, value }
    : { id, payload: encoded.text, terms, value, given };
  const { unique } = terms;
  if (task.input === undefined && unique === undefined) return prepared;
  const parsed = parse(task.input, seen, `enqueue "${task.name}"`);
  const ready = () => unique === undefined ? prepared : keyed(prepared, unique);
  return parsed instanceof Promise ? parsed.then(ready) : ready();
}

/** By the payload as it is stored: without members that JSON leaves out. */
function keyed(prepared: Prepared, unique: UniqueRule): Prepared | Promise<Prepared> {
  const key = uniqueKey(prepared.terms.task, unique, decode(prepared.payload));
  const held = (uniqueKey: string): Prepared => ({ ...prepared, uniqueKey });
  return key instanceof Promise ? key.then(held) : held(key);
}

/** When a job is due that was added at an instant. */
export function dueMsOf({ runAtMs, delayMs }: JobTerms, createdAtMs: number): number {
  return runAtMs ?? createdAtMs + delayMs;
}

const NO_ERRORS: EnqueuedJob["errors"] = Object.freeze([]);

/** The job as it stands right after its enqueueing, or the one that kept it away. */
export function enqueuedJob(
  { id, terms, value }: Prepared,
  { createdAtMs, duplicates }: EnqueueAnswer,
): EnqueuedJob {
  const existing = duplicates?.get(id);
  if (existing !== undefined) return { ...existing, enqueued: "duplicate" };
  const { task, queue, priority, maxAttempts, meta, parentId } = terms;
  const dueMs = dueMsOf(terms, createdAtMs);
  const job: EnqueuedJob = {
    id,
    task,
    queue,
    state: dueMs <= createdAtMs ? "available" : "scheduled",
    priority,
    payload: value,
    errors: NO_ERRORS,
    attempt: 0,
    runAt: new Date(dueMs),
    createdAt: new Date(createdAtMs),
    enqueued: "inserted",
  };
  if (maxAttempts === null && meta === null && parentId === null) return job; // most, and faster
  return {
    ...job,
    ...(maxAttempts !== null && { maxAttempts }),
    ...(meta !== null && { meta: decode(meta) as Record<string, unknown> }),
    ...(parentId !== null && { parentId }),
  };
}
