// Lets Node load TypeScript in threads and child processes; vitest itself has its own way.
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { register } from "tsx/esm/api";

if (!isMainThread || !process.argv[1]?.includes("vitest")) register();
