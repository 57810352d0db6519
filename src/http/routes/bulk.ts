/**
 * Changing many jobs by a filter.
 *
 * @module
 */
import type { BulkFilter, BulkOptions, BulkResult } from "../../bulk.ts";
import { filteredQueue } from "../access.ts";
import { json } from "../answer.ts";
import type { Caller } from "../auth.ts";
import * as bodies from "../bodies.ts";
import { ONCE } from "../idempotency.ts";
import { runOnce } from "../once.ts";
import { type Call, type Route, route } from "../route.ts";

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
    handle: (call) => changed(call, "purge", (...of) => call.errand.purge(...of)),
  }),
  route({
    ...common,
    path: "/v1/jobs/cancel",
    summary: "Cancel live jobs by a filter",
    example: { filter: { task: "resize" } },
    body: bodies.bulk,
    handle: (call) => changed(call, "cancel", (...of) => call.errand.cancelMany(...of)),
  }),
  route({
    ...common,
    path: "/v1/jobs/retry",
    summary: "Make ended jobs live again by a filter",
    description: "The failed ones, unless the filter names other states.",
    body: bodies.bulkRetry,
    handle: (call) => changed(call, "retry", (...of) => call.errand.retryMany(...of)),
  }),
  route({
    ...common,
    path: "/v1/jobs/remove",
    summary: "Remove jobs that are not running by a filter",
    body: bodies.bulk,
    handle: (call) => changed(call, "remove", (...of) => call.errand.removeMany(...of)),
  }),
];

/**
 * What a change of many came to. Interrupted, all that was not changed yet may be changed by the
 * request when it comes again, unless there was a limit, or jobs may have come back since.
 */
async function changed<Options extends BulkOptions>(
  call: Call<undefined, undefined, Options & { readonly filter: BulkFilter }>,
  verb: "purge" | "cancel" | "retry" | "remove",
  change: (filter: BulkFilter, options: Omit<Options, "filter">) => Promise<BulkResult>,
): Promise<Response> {
  const { caller, body } = call;
  const { filter, ...options } = body;
  return json(
    await runOnce(call, {
      request: [verb, body],
      run: () => change(limited(caller, filter), options),
      resumes: verb !== "retry" && body.limit === undefined,
    }),
  );
}

/** All jobs of a caller who is limited are those of its queue. An empty filter stays one. */
function limited(caller: Caller, filter: BulkFilter): BulkFilter {
  const queue = filteredQueue(caller, filter.queue);
  const none = Object.keys(filter).length === 0;
  if (caller.queues === undefined || queue === undefined || none) return filter;
  const { all: _, ...conditions } = filter;
  return { ...conditions, queue };
}
