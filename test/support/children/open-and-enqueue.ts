// Opens a queue, perhaps as the first one and with others at the same time, and enqueues one job.
import process from "node:process";
import { Errand } from "../../../src/errand.ts";

console.log("ready");
while (Date.now() < Number(process.env.ERRAND_START)); // all of them at the same moment
await using errand = await Errand.open({
  url: `file:${process.env.ERRAND_PATH}`,
});
console.log((await errand.enqueue("task")).id);
