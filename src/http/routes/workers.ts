/**
 * Workers: looked at and ended, wherever they run.
 *
 * @module
 */
import * as v from "valibot";
import { ErrandError, show } from "../../errors.ts";
import type { WorkerInfo } from "../../worker-info.ts";
import { reaches } from "../access.ts";
import { json } from "../answer.ts";
import type { Caller } from "../auth.ts";
import { cursor, duration, type Field, name, named, page, time, whole, word } from "../fields.ts";
import { type Call, type Route, route } from "../route.ts";

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
      const { workers, ...rest } = await errand.workers.list(query);
      return json({ workers: workers.filter((worker) => isOwn(caller, worker)), ...rest });
    },
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/workers/{id}",
    scope: "read",
    summary: "Get a worker",
    handle: async (call) => json(await ownWorker(call, "get")),
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
      await checkOwnWorker(call, "stop");
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
      await checkOwnWorker(call, "drain");
      return json(await call.errand.workers.drain(call.params.id, call.body));
    },
  }),
];

type WorkerCall = Pick<Call<{ readonly id: string }>, "errand" | "caller" | "params">;

/** A worker that also serves a queue of others is not the caller's to see or stop. */
function isOwn(caller: Caller, { queues }: WorkerInfo): boolean {
  return Object.keys(queues).every((queue) => reaches(caller, queue));
}

async function ownWorker(call: WorkerCall, act: string): Promise<WorkerInfo> {
  const { errand, caller, params: { id } } = call;
  const worker = await errand.workers.get(id);
  if (worker !== undefined && isOwn(caller, worker)) return worker;
  throw new ErrandError(
    "NOT_FOUND",
    `Cannot ${act} worker ${show(id)}: there is no such worker, or no more`,
  );
}

async function checkOwnWorker(call: WorkerCall, act: string): Promise<void> {
  if (call.caller.queues !== undefined) await ownWorker(call, act);
}
