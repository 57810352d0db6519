/** Errand: whether memory grows with the number of jobs that were processed. */
import { join } from "node:path";
import process from "node:process";
import type { Figures, Params } from "../harness/types.ts";
import { addJobs, completions, openErrand } from "../lib/errand.ts";
import { runSubject } from "../lib/subject.ts";
import { sleep } from "../lib/wait.ts";

const MB = 1024 * 1024;

await runSubject({ growth });

async function growth(params: Params): Promise<Figures> {
  const errand = await openErrand(join(params.folder, "heap.db"));
  const worker = errand.worker({ concurrency: params.concurrency });
  await worker.start();
  const used: number[] = [];
  const resident: number[] = [];
  for (let done = 0; done < params.heapJobs; done += params.heapStep) {
    const finished = completions(errand, params.heapStep);
    await addJobs(errand, params.heapStep, params.perCall);
    await finished;
    const memory = await memoryAfterCollection();
    used.push(memory.heapUsed);
    resident.push(memory.rss);
  }
  await worker.stop();
  await errand.close();
  const third = Math.floor(used.length / 3);
  return {
    slope: slope(used.slice(third)) / params.heapStep,
    first: mean(used.slice(0, third)) / MB,
    last: mean(used.slice(-third)) / MB,
    resident: slope(resident.slice(third)) / params.heapStep,
  };
}

async function memoryAfterCollection(): Promise<NodeJS.MemoryUsage> {
  await sleep(100); // finalizers of native objects run in turns of their own
  collect();
  await sleep(0);
  collect();
  return process.memoryUsage();
}

interface Collecting {
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

function collect(): void {
  const { gc, Bun } = globalThis as Collecting;
  if (Bun !== undefined) return Bun.gc(true);
  if (gc === undefined) throw new Error("Error: node runs without --expose-gc");
  gc();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The least-squares slope of values at equal distances, for each step. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const level = mean(values);
  let upper = 0;
  let lower = 0;
  values.forEach((value, at) => {
    upper += (at - middle) * (value - level);
    lower += (at - middle) ** 2;
  });
  return upper / lower;
}
