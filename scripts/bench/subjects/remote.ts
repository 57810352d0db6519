/** Errand over a server: how fast jobs are accepted and run, and which rows the server counts. */
import { defineTask, type Errand, type Task } from "../../../mod.ts";
import type { Figures, Params } from "../harness/types.ts";
import { addJobs, completions, noop } from "../lib/errand.ts";
import { type Payload, payloads } from "../lib/payload.ts";
import { openRemote } from "../lib/remote.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";
import { sleep } from "../lib/wait.ts";

/** How long a handler takes that waits for something itself. */
const HANDLER_MS = 50;

const slow: Task<Payload> = defineTask<Payload>({
  name: "noop",
  run: () => sleep(HANDLER_MS).then(() => ({ ok: true })),
});

await runSubject({
  enqueueMany,
  process: processNoops,
  slow: processSlowly,
  rows,
});

async function enqueueMany(params: Params): Promise<Figures> {
  const errand = await openRemote(params, noop);
  await addJobs(errand, params.warmup, params.perCall);
  const lists = payloads(params.jobs, params.perCall);
  const start = performance.now();
  for (const list of lists) await errand.enqueueMany(noop, list);
  const ms = performance.now() - start;
  const { available } = await errand.stats();
  expectEqual(
    "the number of available jobs",
    available,
    params.warmup + params.jobs,
  );
  await errand.close();
  return { speed: perSecond(params.jobs, ms) };
}

async function processNoops(params: Params): Promise<Figures> {
  const errand = await openRemote(params, noop);
  await processAll(errand, params.warmup, params);
  const ms = await processAll(errand, params.jobs, params);
  await errand.close();
  return { speed: perSecond(params.jobs, ms) };
}

async function processSlowly(params: Params): Promise<Figures> {
  const errand = await openRemote(params, slow);
  await processAll(errand, params.concurrency, params);
  const ms = await processAll(errand, params.jobs, params);
  await errand.close();
  const speed = perSecond(params.jobs, ms);
  return { speed, share: speed / perSecond(params.concurrency, HANDLER_MS) };
}

/** The worker's own rows and its idle looks included, the schema's not. */
async function rows(params: Params): Promise<Figures> {
  const errand = await openRemote(params, noop);
  const before = errand.usage()!;
  await processAll(errand, params.jobs, params);
  const after = errand.usage()!;
  await errand.close();
  const each = 1_000_000 / params.jobs;
  return {
    written: (after.rowsWritten - before.rowsWritten) * each,
    read: (after.rowsRead - before.rowsRead) * each,
  };
}

/** From the worker's start to the last stored completion. */
async function processAll(
  errand: Errand,
  jobs: number,
  params: Params,
): Promise<number> {
  const { completed } = await errand.stats();
  await addJobs(errand, jobs, params.perCall);
  const { concurrency, prefetch } = params;
  const worker = errand.worker({
    concurrency,
    ...(prefetch !== undefined && { prefetch }),
  });
  const finished = completions(errand, jobs);
  const start = performance.now();
  await worker.start();
  const ms = await finished - start;
  await worker.stop();
  const ended = await errand.stats();
  expectEqual(
    "the number of completed jobs",
    ended.completed,
    completed + jobs,
  );
  return ms;
}
