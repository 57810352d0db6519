// One process of several that keep a schedule going on one file, until it is killed.
import process from "node:process";
import { defineTask, Errand } from "../../mod.ts";

const tick = defineTask({ name: "tick", run: ({ job }) => job.schedule?.at.getTime() });
const errand = await Errand.open({ url: process.env.TICKER_URL ?? "", tasks: [tick] });
const worker = errand.worker();
await worker.start();
console.log("ready");
