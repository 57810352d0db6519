// Stops a run that is on another runtime than it claims to be.
import process from "node:process";
import { current } from "../scripts/runtimes.ts";

const expected = process.env.EXPECT_RUNTIME;
if (expected !== undefined && expected !== current) {
  throw new Error(`Cannot run the tests: this is ${current}, not ${expected}`);
}
