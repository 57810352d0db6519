/**
 * Which jobs are meant, checked.
 *
 * @module
 */
import type { JobQuery } from "./broker.ts";
import { type Instant, instantMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { type FieldValue, JOB_STATES, type JobFilter, type JobState } from "./job.ts";
import type { Tasks } from "./tasks.ts";

/** What a filter may say. */
const KEYS: readonly string[] = [
  "state",
  "queue",
  "task",
  "parentId",
  "worker",
  "createdAfter",
  "createdBefore",
  "meta",
  "where",
] satisfies (keyof JobFilter)[];

const CONDITIONS_MAX = 16;

/**
 * The query of `filter`; `act` names what is to be done. Without `tasks` others know what can be
 * searched. Throws `INVALID_INPUT`.
 */
export function jobQuery(filter: JobFilter, tasks: Tasks | undefined, act: string): JobQuery {
  for (const key of Object.keys(filter)) {
    if (KEYS.includes(key)) continue;
    throw invalid(`Cannot ${act} jobs by ${show(key)}: a filter has only ${KEYS.join(", ")}`);
  }
  const { queue, task, parentId, worker, createdAfter, createdBefore, meta, where } = filter;
  const fields = where === undefined ? undefined : whereOf(where, { task, tasks, act });
  const taskName = text("task", task, act) ?? fields?.task;
  const queueName = text("queue", queue, act);
  const parent = text("parentId", parentId, act);
  const holder = text("worker", worker, act);
  return {
    states: statesOf(filter, act),
    ...(queueName !== undefined && { queue: queueName }),
    ...(taskName !== undefined && { task: taskName }),
    ...(parent !== undefined && { parentId: parent }),
    ...(holder !== undefined && { worker: holder }),
    ...createdOf(createdAfter, createdBefore, act),
    ...(meta !== undefined && { meta: JSON.stringify(conditions("meta", meta, act)) }),
    ...(fields !== undefined && { where: fields.where }),
  };
}

function text(name: string, value: unknown, act: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw invalid(`Cannot ${act} jobs by ${name} ${show(value)}: it is no text`);
}

/** A worker holds nothing but running jobs. */
function statesOf({ state, worker }: JobFilter, act: string): readonly JobState[] {
  if (state === undefined) return worker === undefined ? [] : ["running"];
  const states = typeof state === "string" ? [state] : [...state];
  return states.map((one) => checkState(one, act));
}

function checkState(state: JobState, act: string): JobState {
  if (JOB_STATES.includes(state)) return state;
  throw invalid(
    `Cannot ${act} jobs in state ${show(state)}: states are ${JOB_STATES.join(", ")}`,
  );
}

function createdOf(
  after: Instant | undefined,
  before: Instant | undefined,
  act: string,
): Pick<JobQuery, "createdAfterMs" | "createdBeforeMs"> {
  const afterMs = after === undefined ? undefined : instantMs(after, "createdAfter");
  const beforeMs = before === undefined ? undefined : instantMs(before, "createdBefore");
  if (afterMs !== undefined && beforeMs !== undefined && afterMs >= beforeMs) {
    throw invalid(`Cannot ${act} jobs: createdAfter is not before createdBefore`);
  }
  return {
    ...(afterMs !== undefined && { createdAfterMs: afterMs }),
    ...(beforeMs !== undefined && { createdBeforeMs: beforeMs }),
  };
}

/** Fields and the values that they are to have: text, numbers, booleans and null. */
function conditions(
  name: "meta" | "where",
  value: unknown,
  act: string,
): Readonly<Record<string, FieldValue>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = isObject ? Object.entries(value) : [];
  if (entries.length === 0 || entries.length > CONDITIONS_MAX) {
    throw invalid(
      `Cannot ${act} jobs by ${name} ${show(value)}: it is an object of 1 to ${CONDITIONS_MAX} ` +
        `fields and their values`,
    );
  }
  for (const [field, wanted] of entries) {
    if (wanted === null || ["string", "boolean"].includes(typeof wanted)) continue;
    if (typeof wanted === "number" && Number.isFinite(wanted)) continue;
    throw invalid(
      `Cannot ${act} jobs by ${name} ${field} ${show(wanted)}: a value is text, a number, ` +
        `a boolean or null`,
    );
  }
  return Object.fromEntries(entries);
}

interface WhereContext {
  readonly task: string | undefined;
  readonly tasks: Tasks | undefined;
  readonly act: string;
}

/** Without a task it is the one that declares all these fields. */
function whereOf(
  value: unknown,
  { task, tasks, act }: WhereContext,
): { readonly task?: string; readonly where: NonNullable<JobQuery["where"]> } {
  const where = Object.entries(conditions("where", value, act))
    .map(([field, wanted]) => ({ field, value: wanted }));
  if (tasks === undefined) return { where };
  const named = where.map(({ field }) => field);
  const known = tasks.all().filter(({ name }) => task === undefined || name === task);
  const fit = known.filter(({ index }) => named.every((field) => index?.includes(field)));
  if (fit.length === 1) return { task: fit[0]!.name, where };
  const start = `Cannot ${act} jobs by ${named.join(", ")}: `;
  if (fit.length > 1) {
    throw invalid(`${start}several tasks index that; say which task: ${names(fit)}`);
  }
  if (task !== undefined && known.length === 0) {
    throw invalid(`${start}this Errand knows no task ${show(task)}; register it`);
  }
  const declared = known.flatMap(({ name, index = [] }) =>
    index.map((field) => `${field} (${name})`)
  );
  const who = task === undefined ? "no task indexes" : `task "${task}" does not index`;
  throw invalid(`${start}${who} all of that; indexed are ${declared.join(", ") || "none"}`);
}

function names(tasks: readonly { readonly name: string }[]): string {
  return tasks.map(({ name }) => name).join(", ");
}
