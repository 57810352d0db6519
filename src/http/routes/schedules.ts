/**
 * Schedules: series of jobs.
 *
 * @module
 */
import * as v from "valibot";
import { ErrandError, show } from "../../errors.ts";
import { knownTask } from "../../new-job.ts";
import type { Schedule } from "../../schedule.ts";
import type { ScheduleOptions } from "../../schedule-options.ts";
import { checkQueue, reaches } from "../access.ts";
import { json } from "../answer.ts";
import { job, lock, policyEntries } from "../bodies.ts";
import {
  anything,
  cursor,
  duration,
  type Field,
  instant,
  name,
  named,
  nameParams,
  newUuid,
  page,
  record,
  time,
  whole,
  word,
} from "../fields.ts";
import { type Call, type Route, route } from "../route.ts";
import { ownPage } from "./own.ts";

const some = v.exactOptional;
const text = v.string();
const count = whole(0, Number.MAX_SAFE_INTEGER);

const scheduleBody: Field<unknown> = named(
  "Schedule",
  v.strictObject({
    name: text,
    state: word(["active", "paused", "ended"]),
    task: text,
    queue: text,
    priority: v.number(),
    payload: some(anything),
    locked: some(lock),
    meta: some(record),
    everyMs: some(count),
    cron: some(text),
    timeZone: some(text),
    next: some(text),
    startAt: time,
    endAt: some(time),
    maxRuns: some(count),
    catchUp: word(["latest", "all", "none"]),
    overlap: word(["allow", "skip"]),
    nextRunAt: some(time),
    lastRunAt: some(time),
    lastJobId: some(text),
    runs: count,
    createdAt: time,
    updatedAt: time,
  }),
);

const optionsBody: Field<ScheduleOptions & { readonly task: string }> = named(
  "ScheduleOptions",
  v.strictObject({
    task: name,
    payload: some(anything),
    every: some(duration),
    allowFast: some(v.boolean()),
    cron: some(v.pipe(text, v.maxLength(256, "is too long"))),
    timeZone: some(v.pipe(text, v.maxLength(64, "is too long"))),
    next: some(name),
    startAt: some(instant),
    endAt: some(instant),
    maxRuns: some(count),
    catchUp: some(word(["latest", "all", "none"])),
    overlap: some(word(["allow", "skip"])),
    queue: some(name),
    priority: some(whole(-1_000_000, 1_000_000)),
    meta: some(record),
    ...policyEntries,
  }),
);

const answers = { 200: { description: "The schedule", schema: scheduleBody } } as const;
const common = { tag: "Schedules", params: nameParams } as const;

/** `/v1/schedules`. */
export const scheduleRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/schedules",
    scope: "read",
    tag: "Schedules",
    summary: "List schedules by name, a page at a time",
    query: page,
    answers: {
      200: {
        description: "A page of schedules",
        schema: v.strictObject({ schedules: v.array(scheduleBody), cursor: some(cursor) }),
      },
    },
    async handle({ errand, caller, query }) {
      const { items: schedules, ...rest } = await ownPage(query, {
        async list(page) {
          const { schedules: items, ...rest } = await errand.schedules.list(page);
          return { items, ...rest };
        },
        isOwn: ({ queue }) => reaches(caller, queue),
        cursorOf: ({ name }) => name,
      });
      return json({ schedules, ...rest });
    },
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/schedules/{name}",
    scope: "read",
    summary: "Get a schedule",
    answers,
    handle: async (call) => json(await ownSchedule(call, "get")),
  }),
  route({
    ...common,
    method: "PUT",
    path: "/v1/schedules/{name}",
    scope: "admin",
    summary: "Make a schedule, or change it into this",
    description: "Exactly one of `every`, `cron` and `next` says when.",
    body: optionsBody,
    example: { task: "report", cron: "0 6 * * 1-5", timeZone: "Europe/Berlin" },
    answers,
    handle: upsert,
  }),
  route({
    ...common,
    method: "DELETE",
    path: "/v1/schedules/{name}",
    scope: "admin",
    summary: "Remove a schedule",
    description: "Jobs that it has enqueued stay.",
    answers: { 200: { description: "The schedule as it was", schema: scheduleBody } },
    async handle(call) {
      await checkOwnSchedule(call, "remove");
      return json(await call.errand.schedules.remove(call.params.name));
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/schedules/{name}/pause",
    scope: "admin",
    summary: "Enqueue no further occurrence",
    answers,
    async handle(call) {
      await checkOwnSchedule(call, "pause");
      return json(await call.errand.schedules.pause(call.params.name));
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/schedules/{name}/resume",
    scope: "admin",
    summary: "Go on with the first occurrence from now on",
    answers,
    async handle(call) {
      await checkOwnSchedule(call, "resume");
      return json(await call.errand.schedules.resume(call.params.name));
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/schedules/{name}/run",
    scope: "admin",
    summary: "Enqueue one job of it now, beside its series",
    problems: [409],
    body: v.optional(v.strictObject({ id: some(newUuid) })),
    answers: { 201: { description: "The job", schema: job } },
    async handle(call) {
      await checkOwnSchedule(call, "run");
      return json(await call.errand.schedules.runNow(call.params.name, call.body), 201);
    },
  }),
];

type ScheduleCall = Pick<Call<{ readonly name: string }>, "errand" | "caller" | "params">;

async function upsert(
  call: Call<{ readonly name: string }, undefined, ScheduleOptions & { readonly task: string }>,
): Promise<Response> {
  const { errand, parts, caller, params, body } = call;
  if (caller.queues !== undefined) {
    checkQueue(caller, body.queue ?? knownTask(body.task, parts.tasks).queue);
    const there = await errand.schedules.get(params.name);
    if (there !== undefined && !reaches(caller, there.queue)) throw taken(params.name);
  }
  return json(await errand.schedules.upsert(params.name, body));
}

function taken(name: string): ErrandError {
  const message = "it is of another queue than those of this token";
  return new ErrandError("FORBIDDEN", `Cannot change schedule ${show(name)}: ${message}`);
}

async function ownSchedule(call: ScheduleCall, act: string): Promise<Schedule> {
  const { errand, caller, params: { name } } = call;
  const schedule = await errand.schedules.get(name);
  if (schedule !== undefined && reaches(caller, schedule.queue)) return schedule;
  throw new ErrandError("NOT_FOUND", `Cannot ${act} schedule ${show(name)}: there is none`);
}

async function checkOwnSchedule(call: ScheduleCall, act: string): Promise<void> {
  if (call.caller.queues !== undefined) await ownSchedule(call, act);
}
