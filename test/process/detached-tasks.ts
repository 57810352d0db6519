// Tasks of detached workers.
import { appendFileSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import * as v from "valibot";
import { defineTask } from "../../mod.ts";

const write = defineTask({
  name: "write",
  queue: "detached",
  retry: { delay: "20ms" },
  input: v.object({ path: v.string(), n: v.number(), fails: v.optional(v.boolean()) }),
  async run({ input, job }) {
    if (input.fails && job.attempt === 1) throw new Error("the first attempt fails");
    await setTimeout(1);
    appendFileSync(input.path, `${input.n} ${process.pid}\n`);
  },
});

export const tasks = [write];

process.stdout.write("the tasks are loaded\n");
