import { join } from "node:path";
import type { Figures, Params } from "../harness/types.ts";
import { median } from "./stats.ts";
import { perSecond } from "./subject.ts";

/** Does the work with so many jobs on a fresh file; returns the milliseconds of its timed part. */
export type Work = (file: string, jobs: number, params: Params) => number | Promise<number>;

/** Warms up on one file; then the middle of several timed runs, each on a file of its own. */
export async function warmThenTime(params: Params, work: Work): Promise<Figures> {
  await work(join(params.folder, "warm.db"), params.warmup, params);
  const times: number[] = [];
  for (let run = 1; run <= params.repeats; run++) {
    times.push(await work(join(params.folder, `timed-${run}.db`), params.jobs, params));
  }
  return { speed: perSecond(params.jobs, median(times)) };
}
