// One process among many on a server: it adds its share of jobs, and runs jobs until none are left.
import process from "node:process";
import { defineTask, Errand } from "../../../mod.ts";

const {
  WRITER_URL: url = "",
  WRITER_JOBS: jobs = "",
  WRITER_QUEUE: queue = "",
} = process.env;
const task = defineTask({ name: "share", queue, run: () => null });

const errand = await Errand.open({
  url,
  tasks: [task],
  requestTimeout: "60s",
  busyTimeout: "60s",
});
const worker = errand.worker({ concurrency: 200 });
let lost = 0;
errand.on("lost", () => lost++);
await worker.start();
let left = Number(jobs);
while (left > 0) {
  const calls = Array.from(
    { length: Math.min(10, Math.ceil(left / 50)) },
    () => 50,
  );
  await Promise.all(
    calls.map((count) => errand.enqueueMany(task, Array(count).fill(0))),
  );
  left -= 50 * calls.length;
}
for (;;) {
  const { available = 0, running = 0 } = (await errand.stats()).queues[queue] ??
    {};
  if (available + running === 0) break;
  await new Promise((resolve) => setTimeout(resolve, 200));
}
await errand.close();
console.log(`lost ${lost}`);
