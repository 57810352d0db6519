// The main job on real input: one job for each file of a folder, hashed and counted by workers.
// A run that was killed is continued by the next one.
import { existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { Errand, ErrandError } from "../mod.ts";
import { display } from "./demo/display.ts";
import { enqueueAll, withoutJob } from "./demo/enqueue.ts";
import { listFiles } from "./demo/files.ts";
import { report } from "./demo/report.ts";
import { inspect, specials, tasks } from "./demo/tasks.ts";
import { current, root } from "./runtimes.ts";

const database = resolve("errand-demo.db");
const [folder = root, ...unknown] = process.argv.slice(2);

if (unknown.length > 0 || folder.startsWith("-")) {
  console.error("Usage: deno task demo [FOLDER]   hashes and counts every file of FOLDER");
  process.exit(2);
}
const files = listFiles(resolve(folder));
if (files === undefined) {
  console.error(`Cannot read the folder ${resolve(folder)}: it does not exist, or is no folder`);
  process.exit(2);
}
await main(resolve(folder), files).catch((error) => {
  if (!(error instanceof ErrandError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});

async function main(folder: string, files: readonly string[]): Promise<void> {
  const continued = await isUnfinished();
  if (!continued) {
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(database + end, { force: true });
    }
  }
  await using errand = await Errand.open({ url: `file:${database}`, tasks });

  const missing = await withoutJob(errand, files);
  const jobs = [
    ...(continued ? [] : specials),
    ...missing.map((path) => ({ task: inspect, payload: { path } })),
  ];
  await enqueueAll(errand, jobs);
  const total = await liveJobs(errand);
  console.log(
    `${continued ? "Continuing" : "Starting"} on ${current}: ${files.length} files in ${folder}, ` +
      `${jobs.length} jobs enqueued, ${total} to run`,
  );

  // A lease of two seconds: after a kill, the next run has not long to wait for its jobs.
  const worker = errand.worker({ concurrency: 16, lease: "2s" });
  const shown = display(errand, total);
  const summary = await worker.drain({ scheduled: true });
  await report({ errand, summary, seen: shown.end(), database });
}

async function isUnfinished(): Promise<boolean> {
  if (!existsSync(database)) return false;
  await using errand = await Errand.open({ url: `file:${database}` });
  return await liveJobs(errand) > 0;
}

async function liveJobs(errand: Errand): Promise<number> {
  const { scheduled, available, running } = await errand.stats();
  return scheduled + available + running;
}
