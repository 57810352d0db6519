// One process that enqueues jobs of the torture test, and prints each id once it is acknowledged.
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { Errand } from "../../mod.ts";

const { TORTURE_URL: url = "", TORTURE_JOBS: jobs = "" } = process.env;
const errand = await Errand.open({ url });
for (let count = 0; count < Number(jobs); count += 10) {
  const one = async (): Promise<void> => console.log((await errand.enqueue("mark", {})).id);
  const many = async (): Promise<void> => {
    const entries = Array.from({ length: 5 }, () => ({ task: "mark", payload: {} }));
    for (const { id } of await errand.enqueueMany(entries)) console.log(id);
  };
  await Promise.all([one(), one(), one(), one(), one(), many()]);
  await setTimeout(2);
}
await errand.close();
