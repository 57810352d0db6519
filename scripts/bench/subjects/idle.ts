/** Errand: what a worker costs that has nothing to do. */
import { join } from "node:path";
import process from "node:process";
import type { Figures, Params } from "../harness/types.ts";
import { addJobs, completions, openErrand } from "../lib/errand.ts";
import { runSubject } from "../lib/subject.ts";
import { sleep } from "../lib/wait.ts";

/** How long the worker's own start may echo. */
const SETTLE_MS = 1_000;

await runSubject({ cpu });

async function cpu(params: Params): Promise<Figures> {
  const errand = await openErrand(join(params.folder, "idle.db"));
  const worker = errand.worker({ concurrency: 10 });
  await worker.start();
  const finished = completions(errand, params.perCall);
  await addJobs(errand, params.perCall, params.perCall);
  await finished;
  await sleep(SETTLE_MS);
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(params.idleSeconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1_000 / (performance.now() - start);
  await worker.stop();
  await errand.close();
  return { cpu: share * 100 };
}
