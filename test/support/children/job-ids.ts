// Prints what a fresh process finds in a file: the ids of its jobs, and whether it is sound.
import process from "node:process";
import { openRaw } from "../raw.ts";

using raw = openRaw(process.env.ERRAND_PATH ?? "", 5_000);
const ids = raw.rows("SELECT id FROM errand_job ORDER BY id").flat();
console.log(
  JSON.stringify({ ids, check: raw.rows("PRAGMA integrity_check").flat() }),
);
