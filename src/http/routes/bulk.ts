/**
 * Changing many jobs by a filter.
 *
 * @module
 */
import type { BulkFilter } from "../../bulk.ts";
import { filteredQueue } from "../access.ts";
import { json } from "../answer.ts";
import type { Caller } from "../auth.ts";
import * as bodies from "../bodies.ts";
import { ONCE } from "../idempotency.ts";
import { runOnce } from "../once.ts";
import { type Route, route } from "../route.ts";

const common = {
  method: "POST",
  scope: "admin",
  tag: "Many jobs",
  headers: ONCE,
  problems: [409],
  example: { filter: { state: "failed", queue: "images" }, dryRun: true },
  answers: {
    200: {
      description: "How many it were, and a cursor to go on with when there are more",
      schema: bodies.bulkResult,
    },
  },
} as const;

/** `POST /v1/jobs/{purge,cancel,retry,remove}`. */
export const bulkRoutes: readonly Route[] = [
  route({
    ...common,
    path: "/v1/jobs/purge",
    summary: "Remove ended jobs by a filter",
    body: bodies.bulk,
    async handle(call) {
      const { errand, caller, body: { filter, ...options } } = call;
      const run = () => errand.purge(limited(caller, filter), options);
      return json(
        await runOnce(call, {
          request: ["purge", call.body],
          run,
          resumes: options.limit === undefined,
        }),
      );
    },
  }),
  route({
    ...common,
    path: "/v1/jobs/cancel",
    summary: "Cancel live jobs by a filter",
    example: { filter: { task: "resize" } },
    body: bodies.bulk,
    async handle(call) {
      const { errand, caller, body: { filter, ...options } } = call;
      const run = () => errand.cancelMany(limited(caller, filter), options);
      return json(
        await runOnce(call, {
          request: ["cancel", call.body],
          run,
          resumes: options.limit === undefined,
        }),
      );
    },
  }),
  route({
    ...common,
    path: "/v1/jobs/retry",
    summary: "Make ended jobs live again by a filter",
    description: "The failed ones, unless the filter names other states.",
    body: bodies.bulkRetry,
    async handle(call) {
      const { errand, caller, body: { filter, ...options } } = call;
      const run = () => errand.retryMany(limited(caller, filter), options);
      return json(await runOnce(call, { request: ["retry", call.body], run, resumes: false }));
    },
  }),
  route({
    ...common,
    path: "/v1/jobs/remove",
    summary: "Remove jobs that are not running by a filter",
    body: bodies.bulk,
    async handle(call) {
      const { errand, caller, body: { filter, ...options } } = call;
      const run = () => errand.removeMany(limited(caller, filter), options);
      return json(
        await runOnce(call, {
          request: ["remove", call.body],
          run,
          resumes: options.limit === undefined,
        }),
      );
    },
  }),
];

/** All jobs of a caller who is limited are those of its queue. An empty filter stays one. */
function limited(caller: Caller, filter: BulkFilter): BulkFilter {
  const queue = filteredQueue(caller, filter.queue);
  const none = Object.keys(filter).length === 0;
  if (caller.queues === undefined || queue === undefined || none) return filter;
  const { all: _, ...conditions } = filter;
  return { ...conditions, queue };
}
