/**
 * Queues: looked at, paused, resumed and removed.
 *
 * @module
 */
import * as v from "valibot";
import { ErrandError, show } from "../../errors.ts";
import { checkQueue } from "../access.ts";
import { json, noContent } from "../answer.ts";
import { nameParams, whole } from "../fields.ts";
import { ONCE } from "../idempotency.ts";
import { runOnce } from "../once.ts";
import { type Route, route } from "../route.ts";
import { queueBody, reachedStats } from "./stats.ts";

const done = { 204: { description: "It is so now" } } as const;

/** `/v1/queues`. */
export const queueRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/queues",
    scope: "read",
    tag: "Queues",
    summary: "Every queue that holds a job or is paused",
    answers: {
      200: {
        description: "The queues, by name",
        schema: v.strictObject({ queues: v.array(queueBody) }),
      },
    },
    async handle(call) {
      const { queues } = await reachedStats(call);
      const named = Object.entries(queues).map(([name, of]) => ({ name, ...of }));
      return json({ queues: named.sort((a, b) => a.name < b.name ? -1 : 1) });
    },
  }),
  route({
    method: "GET",
    path: "/v1/queues/{name}",
    scope: "read",
    tag: "Queues",
    summary: "Get a queue",
    params: nameParams,
    answers: { 200: { description: "The queue", schema: queueBody } },
    async handle(call) {
      const { name } = call.params;
      const { queues } = await reachedStats(call);
      if (Object.hasOwn(queues, name)) return json({ name, ...queues[name] });
      throw new ErrandError(
        "NOT_FOUND",
        `Cannot get queue ${show(name)}: it holds no job and is not paused`,
      );
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/queues/{name}",
    scope: "admin",
    tag: "Queues",
    summary: "Remove all jobs of a queue, and its pause",
    description: "Running ones are cancelled first. Sent again, it does what is left.",
    headers: ONCE,
    params: nameParams,
    problems: [409],
    answers: {
      200: {
        description: "How many jobs it were",
        schema: v.strictObject({ count: whole(0, Number.MAX_SAFE_INTEGER) }),
      },
    },
    async handle(call) {
      const name = checkQueue(call.caller, call.params.name);
      const run = () => call.errand.queues.remove(name);
      return json(await runOnce(call, { request: ["remove queue", name], run, resumes: true }));
    },
  }),
  route({
    method: "PUT",
    path: "/v1/queues/{name}",
    scope: "admin",
    tag: "Queues",
    summary: "Say how many jobs of a queue may run at once",
    description: "Over all workers of the database. `null` ends the limit.",
    params: nameParams,
    body: v.strictObject({ limit: v.nullable(whole(1, 1_000_000)) }),
    example: { limit: 10 },
    answers: done,
    async handle({ errand, caller, params, body }) {
      await errand.queues.limit(checkQueue(caller, params.name), body.limit);
      return noContent();
    },
  }),
  route({
    method: "POST",
    path: "/v1/queues/{name}/pause",
    scope: "admin",
    tag: "Queues",
    summary: "Let no job of a queue be claimed",
    description: "Running ones go on.",
    params: nameParams,
    answers: done,
    async handle({ errand, caller, params }) {
      await errand.queues.pause(checkQueue(caller, params.name));
      return noContent();
    },
  }),
  route({
    method: "POST",
    path: "/v1/queues/{name}/resume",
    scope: "admin",
    tag: "Queues",
    summary: "End the pause of a queue",
    params: nameParams,
    answers: done,
    async handle({ errand, caller, params }) {
      await errand.queues.resume(checkQueue(caller, params.name));
      return noContent();
    },
  }),
];
