// Enqueues the same unique jobs as other processes do at the same time; prints what came of each.
import process from "node:process";
import { Errand } from "../../../src/errand.ts";

await using errand = await Errand.open({
  url: `file:${process.env.ERRAND_PATH}`,
});
console.log("ready");
while (Date.now() < Number(process.env.ERRAND_START)); // all of them at the same moment
const words: string[] = [];
for (let n = 0; n < 50; n++) {
  const { enqueued } = await errand.enqueue("task", { n }, { unique: true });
  words.push(enqueued);
}
console.log(JSON.stringify(words));
