/**
 * Looking for jobs, waiting for them, and changing one.
 *
 * @module
 */
import * as v from "valibot";
import { isEnded } from "../../job.ts";
import { filteredQueue, reaches } from "../access.ts";
import { json } from "../answer.ts";
import * as bodies from "../bodies.ts";
import {
  conditionsText,
  cursor,
  durationText,
  instantText,
  jobParams,
  name,
  states,
  wholeText,
  word,
} from "../fields.ts";
import { ONCE } from "../idempotency.ts";
import { retryOnce } from "../once.ts";
import { type Call, type Route, route } from "../route.ts";
import { waiting, waitMs } from "../wait.ts";
import type { WaitBody } from "../wire.ts";
import { checkOwn, ownJob } from "./own.ts";

const some = v.exactOptional;
const theJob = { description: "The job as it stands", schema: bodies.job };

/** `/v1/jobs`. */
export const jobRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/jobs",
    scope: "read",
    tag: "Jobs",
    summary: "List jobs, a page at a time",
    description:
      "By their time of enqueueing. Jobs that come and go meanwhile make no page repeat " +
      "or miss another job.",
    query: v.strictObject({
      state: some(states),
      queue: some(name),
      task: some(name),
      parentId: some(name),
      worker: some(name),
      createdAfter: some(instantText),
      createdBefore: some(instantText),
      meta: some(conditionsText),
      where: some(conditionsText),
      limit: some(wholeText(1, 1_000)),
      cursor: some(cursor),
      order: some(word(["newest", "oldest"])),
    }),
    answers: { 200: { description: "A page of jobs", schema: bodies.jobPage } },
    async handle({ errand, caller, query }) {
      const queue = filteredQueue(caller, query.queue);
      return json(await errand.list({ ...query, ...(queue !== undefined && { queue }) }));
    },
  }),
  route({
    method: "POST",
    path: "/v1/jobs/get",
    scope: "read",
    tag: "Jobs",
    summary: "Get up to 500 jobs by their ids",
    body: bodies.idsBody,
    example: { ids: ["0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10"] },
    answers: { 200: { description: "Those that there are", schema: bodies.jobs } },
    async handle({ parts, caller, body }) {
      const jobs = await parts.broker.getMany([...new Set(body.ids)]);
      return json({ jobs: jobs.filter(({ queue }) => reaches(caller, queue)) });
    },
  }),
  route({
    method: "POST",
    path: "/v1/jobs/wait",
    scope: "read",
    tag: "Jobs",
    summary: "Wait until one of up to 500 jobs has ended",
    body: bodies.waitBody,
    example: { ids: ["0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10"], wait: "30s" },
    answers: {
      200: { description: "Those that have ended, and ids of no job", schema: bodies.waited },
    },
    handle: waitForAny,
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}",
    scope: "read",
    tag: "Jobs",
    summary: "Get a job, or wait for its end",
    description: "With `wait` it is answered once the job has ended, or as it is after so long.",
    params: jobParams,
    query: v.strictObject({ wait: some(durationText) }),
    answers: { 200: theJob },
    async handle(call) {
      const { errand, params: { id }, query } = call;
      const timeout = waitMs(call, query.wait);
      const job = await ownJob(call, "get", id);
      if (timeout === 0 || isEnded(job.state)) return json(job);
      return json(await waiting(call, (signal) => errand.wait(id, { timeout, signal })));
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/jobs/{id}",
    problems: [409],
    scope: "admin",
    tag: "Jobs",
    summary: "Remove a job that is not running",
    params: jobParams,
    answers: { 200: { description: "The job as it was", schema: bodies.job } },
    async handle(call) {
      await checkOwn(call, "remove", call.params.id);
      return json(await call.errand.remove(call.params.id));
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/logs",
    scope: "read",
    tag: "Jobs",
    summary: "What a job's handlers logged, oldest first",
    params: jobParams,
    answers: { 200: { description: "The lines", schema: bodies.logs } },
    async handle(call) {
      await ownJob(call, "read the log of", call.params.id);
      return json({ lines: await call.errand.logs(call.params.id) });
    },
  }),
  route({
    method: "POST",
    path: "/v1/jobs/{id}/cancel",
    problems: [409],
    scope: "admin",
    tag: "Jobs",
    summary: "End a live job",
    description: "Who runs it learns of that with its next heartbeat.",
    params: jobParams,
    answers: { 200: theJob },
    async handle(call) {
      await checkOwn(call, "cancel", call.params.id);
      return json(await call.errand.cancel(call.params.id));
    },
  }),
  route({
    method: "POST",
    path: "/v1/jobs/{id}/retry",
    problems: [409],
    scope: "admin",
    tag: "Jobs",
    summary: "Make an ended job live again",
    description:
      "With all its attempts before it; due now, or as the body says. Sent again with its key, " +
      "it answers the job as it stands, also when that has ended since.",
    headers: ONCE,
    params: jobParams,
    body: bodies.due,
    example: { delay: "10m" },
    answers: { 200: theJob },
    async handle(call) {
      await checkOwn(call, "retry", call.params.id);
      return json(await retryOnce(call, call.params.id, call.body));
    },
  }),
];

/** Ids of jobs that the caller does not reach are as if there were none of them. */
async function waitForAny(call: Call<undefined, undefined, WaitBody>): Promise<Response> {
  const { parts, caller, body } = call;
  const ids = [...new Set(body.ids)];
  const own = caller.queues === undefined ? ids : (await parts.broker.getMany(ids))
    .filter(({ queue }) => reaches(caller, queue))
    .map(({ id }) => id);
  const others = ids.filter((id) => !own.includes(id));
  const timeout = others.length > 0 ? 0 : waitMs(call, body.wait);
  const look = (signal: AbortSignal) => parts.waiting.forAny(own, { timeout, signal });
  const { jobs, missing } = await waiting(call, look);
  return json({ jobs: [...jobs.values()], missing: [...missing, ...others] });
}
