// The tasks of the program's tests.
import { setTimeout } from "node:timers/promises";
import { defineTask } from "../../mod.ts";

interface Double {
  readonly n: number;
  readonly seconds?: number;
}

/** Doubles `n` after `seconds`. */
export const double = defineTask({
  name: "double",
  async run({ input, signal }) {
    const { n, seconds = 0 } = input as Double;
    await setTimeout(1_000 * seconds, undefined, { signal });
    return { doubled: 2 * n };
  },
});

/** Never ends. */
export const stubborn = defineTask({
  name: "stubborn",
  async run() {
    console.log(JSON.stringify({ message: "stubborn began" }));
    await new Promise(() => {});
  },
});
