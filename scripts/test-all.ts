// Runs the suite under Node, Deno and Bun, one after another; fails if one fails or is missing.
// Runtimes named first limit the run; the rest goes to vitest: test-all.ts node bun test/store
import process from "node:process";
import { binArgs, findRuntime, type Runtime, runtimes } from "./runtimes.ts";
import { runSteps } from "./steps.ts";

const isRuntime = (word: string): word is Runtime => runtimes.some((name) => name === word);

const words = process.argv.slice(2);
const rest = words.findIndex((word) => !isRuntime(word));
const chosen = words.slice(0, rest === -1 ? words.length : rest).filter(isRuntime);
const filters = words.slice(chosen.length);

await runSteps((chosen.length > 0 ? chosen : runtimes).map((name) => ({
  name,
  command: findRuntime(name),
  args: [...binArgs(name, "vitest/vitest.mjs"), "run", ...filters],
  env: { EXPECT_RUNTIME: name },
})));
