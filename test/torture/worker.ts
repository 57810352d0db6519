// One worker process: every run, and every result that was stored, leaves a line in a log that all
// processes append to.
import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { defineTask, Errand, type RunningJob } from "../../mod.ts";

const { TORTURE_URL: url = "", TORTURE_LOG: path = "", TORTURE_LEASE: lease = "" } = process.env;
const log = openSync(path, "a"); // O_APPEND: lines of several processes never overwrite each other
const { pid } = process;

function note(job: Pick<RunningJob, "id" | "attempt">, event: string): void {
  writeSync(log, `${job.id} ${job.attempt} ${pid} ${event} ${Date.now()}\n`);
}

const mark = defineTask({
  name: "mark",
  retry: { maxAttempts: 20, delay: "20ms" },
  async run({ input, job }) {
    note(job, "start");
    await setTimeout(Math.random() * 20);
    const { failsFirst, hangsFirst } = input as { failsFirst?: boolean; hangsFirst?: boolean };
    if (hangsFirst && job.attempt === 1) await new Promise(() => {});
    if (failsFirst && job.attempt === 1) {
      note(job, "fail");
      throw new Error("the first attempt fails");
    }
    note(job, "end");
    return { pid, attempt: job.attempt };
  },
});

const errand = await Errand.open({ url, tasks: [mark] });
errand.on("completed", (attempt) => note(attempt, "stored"));
const worker = errand.worker({ concurrency: 8, prefetch: 8, lease: Number(lease) });
await worker.start();
process.once("SIGTERM", () => void stop());
console.log("ready");

async function stop(): Promise<void> {
  await errand.close();
  console.log("stopped");
  process.exit();
}
