/** Errand: how fast jobs are accepted. */
import { join } from "node:path";
import type { Errand } from "../../../mod.ts";
import type { Figures, Params } from "../harness/types.ts";
import { noop, openErrand } from "../lib/errand.ts";
import { payloads } from "../lib/payload.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";

await runSubject({
  enqueueMany: (params) => warmThenTime(params, enqueueMany),
  concurrent: (params) => warmThenTime(params, concurrent),
  oneByOne: (params) => warmThenTime(params, oneByOne),
});

/** Returns the milliseconds that its timed part took. */
type Work = (errand: Errand, jobs: number, params: Params) => Promise<number>;

async function warmThenTime(params: Params, work: Work): Promise<Figures> {
  await onFreshFile(
    join(params.folder, "warm.db"),
    params.warmup,
    params,
    work,
  );
  const ms = await onFreshFile(
    join(params.folder, "timed.db"),
    params.jobs,
    params,
    work,
  );
  return { speed: perSecond(params.jobs, ms) };
}

async function onFreshFile(
  file: string,
  jobs: number,
  params: Params,
  work: Work,
): Promise<number> {
  const errand = await openErrand(file);
  const ms = await work(errand, jobs, params);
  const { available } = await errand.stats();
  expectEqual("the number of available jobs", available, jobs);
  await errand.close();
  return ms;
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
