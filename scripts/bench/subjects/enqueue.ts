/** Errand: how fast jobs are accepted. */
import type { Errand } from "../../../mod.ts";
import type { Params } from "../harness/types.ts";
import { noop, openErrand } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { warmThenTime, type Work } from "../lib/timed.ts";

await runSubject({
  enqueueMany: (params) => warmThenTime(params, onFreshFile(enqueueMany)),
  concurrent: (params) => warmThenTime(params, onFreshFile(concurrent)),
  oneByOne: (params) => warmThenTime(params, onFreshFile(oneByOne)),
});

type Enqueue = (errand: Errand, jobs: number, params: Params) => Promise<number>;

function onFreshFile(enqueue: Enqueue): Work {
  return async (file, jobs, params) => {
    const errand = await openErrand(file);
    const ms = await enqueue(errand, jobs, params);
    const { available } = await errand.stats();
    expectEqual("the number of available jobs", available, jobs);
    await errand.close();
    return ms;
  };
}

async function enqueueMany(
  errand: Errand,
  jobs: number,
  { perCall }: Params,
): Promise<number> {
  const lists = payloads(jobs, perCall);
  const start = performance.now();
  for (const list of lists) await errand.enqueueMany(noop, list);
  return performance.now() - start;
}

async function concurrent(
  errand: Errand,
  jobs: number,
  { perCall }: Params,
): Promise<number> {
  const lists = payloads(jobs, perCall);
  const start = performance.now();
  for (const list of lists) {
    await Promise.all(list.map((one) => errand.enqueue(noop, one)));
  }
  return performance.now() - start;
}

async function oneByOne(errand: Errand, jobs: number): Promise<number> {
  const all = payloads(jobs, jobs).flat();
  const start = performance.now();
  for (const one of all) await errand.enqueue(noop, one);
  return performance.now() - start;
}
