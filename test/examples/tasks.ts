// What the examples do: their work, and nothing of where it is run.
import { defineTask } from "errand";
import * as v from "valibot";

export const thumbnail = defineTask({
  name: "thumbnail",
  input: v.object({ path: v.string(), width: v.number() }),
  retry: { maxAttempts: 5, delay: "1s" },
  run: ({ input }) => ({ made: `${input.width}-${input.path}` }),
});
