/**
 * Every route, by method and path. The rest of it, its row, is loaded at its first request.
 *
 * @module
 */
import type { Route } from "./route.ts";

/** A route as the table has it. */
export interface Entry {
  readonly method: Route["method"];
  readonly path: string;
  /** Everything about it, once that is loaded. */
  readonly row?: Route;
  /** The same, and how to come by it. */
  load(): Promise<Route>;
}

/** All of them, in the order of the documentation. */
export const table: readonly Entry[] = [
  ...entries(async () => (await import("./routes/enqueue.ts")).enqueueRoutes, [
    "POST /v1/jobs",
    "POST /v1/jobs/{id}/clone",
  ]),
  ...entries(async () => (await import("./routes/jobs.ts")).jobRoutes, [
    "GET /v1/jobs",
    "POST /v1/jobs/get",
    "POST /v1/jobs/wait",
    "GET /v1/jobs/{id}",
    "DELETE /v1/jobs/{id}",
    "GET /v1/jobs/{id}/logs",
    "POST /v1/jobs/{id}/cancel",
    "POST /v1/jobs/{id}/retry",
  ]),
  ...entries(async () => (await import("./routes/bulk.ts")).bulkRoutes, [
    "POST /v1/jobs/purge",
    "POST /v1/jobs/cancel",
    "POST /v1/jobs/retry",
    "POST /v1/jobs/remove",
  ]),
  ...entries(async () => (await import("./routes/claims.ts")).claimRoutes, [
    "POST /v1/claims",
  ]),
  ...entries(async () => (await import("./routes/leases.ts")).leaseRoutes, [
    "POST /v1/leases/heartbeat",
    "POST /v1/leases/{lease}/heartbeat",
    "POST /v1/leases/{lease}/outcomes",
  ]),
  ...entries(async () => (await import("./routes/wakeups.ts")).wakeupRoutes, [
    "GET /v1/wakeups",
  ]),
  ...entries(async () => (await import("./routes/marks.ts")).markRoutes, [
    "GET /v1/marks/{name}",
    "POST /v1/marks/{name}",
    "POST /v1/marks/{name}/release",
  ]),
  ...entries(async () => (await import("./routes/upkeep.ts")).upkeepRoutes, [
    "POST /v1/upkeep",
    "DELETE /v1/workers/{id}",
    "GET /v1/workers/{id}/command",
  ]),
  ...entries(async () => (await import("./routes/queues.ts")).queueRoutes, [
    "GET /v1/queues",
    "GET /v1/queues/{name}",
    "DELETE /v1/queues/{name}",
    "PUT /v1/queues/{name}",
    "POST /v1/queues/{name}/pause",
    "POST /v1/queues/{name}/resume",
  ]),
  ...entries(async () => (await import("./routes/stats.ts")).statsRoutes, [
    "GET /v1/stats",
  ]),
  ...entries(async () => (await import("./routes/schedules.ts")).scheduleRoutes, [
    "GET /v1/schedules",
    "GET /v1/schedules/{name}",
    "PUT /v1/schedules/{name}",
    "DELETE /v1/schedules/{name}",
    "POST /v1/schedules/{name}/pause",
    "POST /v1/schedules/{name}/resume",
    "POST /v1/schedules/{name}/run",
  ]),
  ...entries(async () => (await import("./routes/workers.ts")).workerRoutes, [
    "GET /v1/workers",
    "GET /v1/workers/{id}",
    "POST /v1/workers/{id}/stop",
    "POST /v1/workers/{id}/drain",
  ]),
  ...entries(async () => (await import("./routes/events.ts")).eventRoutes, [
    "GET /v1/events",
  ]),
  ...entries(async () => (await import("./routes/metrics.ts")).metricsRoutes, [
    "GET /metrics",
  ]),
  ...entries(async () => (await import("./routes/health.ts")).healthRoutes, [
    "GET /healthz",
    "GET /readyz",
  ]),
  ...entries(async () => (await import("./routes/run.ts")).runRoutes, [
    "GET /run",
    "POST /run",
  ]),
  ...entries(async () => (await import("./routes/docs.ts")).docsRoutes(rows), [
    "GET /openapi.json",
    "GET /docs",
  ]),
];

/** Every row of the table. */
export async function rows(): Promise<readonly Route[]> {
  return await Promise.all(table.map((entry) => entry.load()));
}

/** Routes of one file. */
function entries(
  load: () => Promise<readonly Route[]>,
  names: readonly `${Route["method"]} /${string}`[],
): readonly Entry[] {
  return names.map((name) => {
    const [method, path] = name.split(" ") as [Route["method"], string];
    const entry: { -readonly [Key in keyof Entry]: Entry[Key] } = {
      method,
      path,
      async load() {
        const of = entry.row === undefined ? await load() : [];
        return entry.row ??= of.find((row) => row.method === method && row.path === path)!;
      },
    };
    return entry;
  });
}
