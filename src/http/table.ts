/**
 * Every route.
 *
 * @module
 */
import type { Route } from "./route.ts";
import { healthRoutes } from "./routes/health.ts";

/** All of them, in the order of the documentation. */
export const routes: readonly Route[] = [
  ...healthRoutes,
];
