/**
 * Workers: looked at and ended, wherever they run.
 *
 * @module
 */
import * as v from "valibot";
import { json } from "../answer.ts";
import { cursor, duration, type Field, name, named, page, time, whole, word } from "../fields.ts";
import { type Route, route } from "../route.ts";
import { checkOwnWorker, isOwnWorker, noWorker, ownPage } from "./own.ts";

const some = v.exactOptional;
const text = v.string();
const count = whole(0, Number.MAX_SAFE_INTEGER);

const workerBody: Field<unknown> = named(
  "Worker",
  v.strictObject({
    id: text,
    name: text,
    state: word(["running", "draining", "stopping", "dead"]),
    queues: v.record(text, count),
    concurrency: count,
    running: count,
    startedAt: time,
    heartbeatAt: time,
    reason: some(text),
    runtime: some(text),
    host: some(text),
    pid: some(count),
  }),
);
const reason = v.pipe(text, v.maxLength(200, "has more than 200 characters"));
const answers = { 200: { description: "The worker", schema: workerBody } } as const;
const common = { tag: "Workers", params: v.strictObject({ id: name }), answers } as const;

/** `/v1/workers`. */
export const workerRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/workers",
    scope: "read",
    tag: "Workers",
    summary: "List workers in the order of their starts, a page at a time",
    query: page,
    answers: {
      200: {
        description: "A page of workers",
        schema: v.strictObject({ workers: v.array(workerBody), cursor: some(cursor) }),
      },
    },
    async handle({ errand, caller, query }) {
      const { items: workers, ...rest } = await ownPage(query, {
        async list(page) {
          const { workers: items, ...rest } = await errand.workers.list(page);
          return { items, ...rest };
        },
        isOwn: (worker) => isOwnWorker(caller, worker),
        cursorOf: ({ id }) => id,
      });
      return json({ workers, ...rest });
    },
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/workers/{id}",
    scope: "read",
    summary: "Get a worker",
    async handle({ errand, caller, params: { id } }) {
      const worker = await errand.workers.get(id);
      if (worker !== undefined && isOwnWorker(caller, worker)) return json(worker);
      throw noWorker("get", id);
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/workers/{id}/stop",
    scope: "admin",
    summary: "Ask a worker to stop",
    description:
      "It claims nothing more, lets running attempts finish within the grace, and gives " +
      "back the rest.",
    body: v.optional(v.strictObject({ grace: some(duration), reason: some(reason) })),
    example: { grace: "30s", reason: "deploy" },
    async handle(call) {
      await checkOwnWorker(call, "stop", call.params.id);
      return json(await call.errand.workers.stop(call.params.id, call.body));
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/workers/{id}/drain",
    scope: "admin",
    summary: "Ask a worker to end when what it runs has ended",
    body: v.optional(v.strictObject({ reason: some(reason) })),
    example: { reason: "deploy" },
    async handle(call) {
      await checkOwnWorker(call, "drain", call.params.id);
      return json(await call.errand.workers.drain(call.params.id, call.body));
    },
  }),
];
