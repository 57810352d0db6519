/**
 * Every route.
 *
 * @module
 */
import type { Route } from "./route.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { docsRoutes } from "./routes/docs.ts";
import { enqueueRoutes } from "./routes/enqueue.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { queueRoutes } from "./routes/queues.ts";
import { runRoutes } from "./routes/run.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { statsRoutes } from "./routes/stats.ts";
import { workerRoutes } from "./routes/workers.ts";

/** All of them, in the order of the documentation. */
export const routes: readonly Route[] = [
  ...enqueueRoutes,
  ...jobRoutes,
  ...bulkRoutes,
  ...queueRoutes,
  ...statsRoutes,
  ...scheduleRoutes,
  ...workerRoutes,
  ...eventRoutes,
  ...metricsRoutes,
  ...healthRoutes,
  ...runRoutes,
  ...docsRoutes(() => routes),
];
