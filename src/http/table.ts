/**
 * Every route.
 *
 * @module
 */
import type { Route } from "./route.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { claimRoutes } from "./routes/claims.ts";
import { docsRoutes } from "./routes/docs.ts";
import { enqueueRoutes } from "./routes/enqueue.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { leaseRoutes } from "./routes/leases.ts";
import { markRoutes } from "./routes/marks.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { queueRoutes } from "./routes/queues.ts";
import { runRoutes } from "./routes/run.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { statsRoutes } from "./routes/stats.ts";
import { upkeepRoutes } from "./routes/upkeep.ts";
import { wakeupRoutes } from "./routes/wakeups.ts";
import { workerRoutes } from "./routes/workers.ts";

/** All of them, in the order of the documentation. */
export const routes: readonly Route[] = [
  ...enqueueRoutes,
  ...jobRoutes,
  ...bulkRoutes,
  ...claimRoutes,
  ...leaseRoutes,
  ...wakeupRoutes,
  ...markRoutes,
  ...upkeepRoutes,
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
