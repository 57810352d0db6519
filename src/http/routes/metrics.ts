/**
 * What an Errand does, for Prometheus.
 *
 * @module
 */
import type { WorkerInfo } from "../../worker-info.ts";
import { checkUnlimited } from "../access.ts";
import { SECURE } from "../answer.ts";
import { durationsOf } from "../durations.ts";
import { type Call, type Route, route } from "../route.ts";

const PAGE = 1_000;
const PAGES_MAX = 10;

/** `/metrics`. */
export const metricsRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/metrics",
    scope: "read",
    tag: "Operation",
    summary: "Jobs, ages, workers, durations and rows billed, as Prometheus reads them",
    answers: { 200: { description: "The metrics", type: "text/plain" } },
    async handle(call) {
      const { errand, caller, parts: { clock } } = call;
      checkUnlimited(caller, "tell all metrics");
      const [{ metricsText }, stats, workers] = await Promise.all([
        import("../metrics.ts"),
        errand.stats(),
        allWorkers(call),
      ]);
      const durations = durationsOf(errand).all();
      const told = { nowMs: clock.now(), stats, workers, durations, usage: errand.usage() };
      return new Response(metricsText(told), {
        headers: {
          ...SECURE,
          "content-type": "text/plain; version=0.0.4; charset=utf-8",
          "cache-control": "no-store",
        },
      });
    },
  }),
];

async function allWorkers({ errand }: Pick<Call, "errand">): Promise<readonly WorkerInfo[]> {
  const all: WorkerInfo[] = [];
  for (let pages = 0, cursor = ""; pages < PAGES_MAX; pages++) {
    const page = await errand.workers.list({ limit: PAGE, cursor });
    all.push(...page.workers);
    if (page.cursor === undefined) break;
    cursor = page.cursor;
  }
  return all;
}
