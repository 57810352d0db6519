import type { Params } from "../harness/types.ts";
import { addJobs, completions, openErrand } from "./errand.ts";
import { expectEqual } from "./subject.ts";

/**
 * Adds so many jobs, then processes them: the milliseconds from the worker's start to the last
 * stored completion. `before` counts the completed jobs that the file holds already.
 */
export async function processAll(
  file: string,
  jobs: number,
  { concurrency, perCall }: Params,
  before = 0,
): Promise<number> {
  const errand = await openErrand(file);
  await addJobs(errand, jobs, perCall);
  const worker = errand.worker({ concurrency });
  const finished = completions(errand, jobs);
  const start = performance.now();
  await worker.start();
  const ms = await finished - start;
  await worker.stop();
  const { completed } = await errand.stats();
  expectEqual("the number of completed jobs", completed, before + jobs);
  await errand.close();
  return ms;
}
