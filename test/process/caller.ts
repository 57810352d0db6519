// Starts a detached worker, says what came of it, and has nothing more to do.
import process from "node:process";
import { startDetached } from "../../src/process/mod.ts";

console.log(JSON.stringify(await startDetached(JSON.parse(process.env.ERRAND_DETACHED ?? ""))));
