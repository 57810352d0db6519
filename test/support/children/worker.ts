// A worker whose jobs run until their signal aborts; it prints what happens.
import process from "node:process";
import { defineTask, Errand } from "../../../mod.ts";

const { ERRAND_URL: url = "", ERRAND_LEASE: lease = "30000" } = process.env;
const say = (...words: readonly unknown[]): void => console.log(words.join(" "));

const hang = defineTask({
  name: "hang",
  run: ({ job, signal }) =>
    new Promise((_, reject) => {
      say("started", job.id);
      signal.addEventListener("abort", () => {
        say("aborted", job.id, signal.reason.reason);
        reject(signal.reason);
      });
    }),
});

const errand = await Errand.open({ url, tasks: [hang] });
const worker = errand.worker({
  name: "child",
  lease: Number(lease),
  concurrency: 4,
});
await worker.start();
say("ready", worker.id, process.pid);
const end = await worker.stopped;
await errand.close();
say("stopped", end.asked, end.reason);
