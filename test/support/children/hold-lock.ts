// Holds the write lock of a file, with a write that is not committed, until it is killed.
import process from "node:process";
import { openRaw } from "../raw.ts";

const raw = openRaw(process.env.HOLD_PATH ?? "");
raw.exec("BEGIN IMMEDIATE; INSERT INTO t (n) VALUES (404)");
console.log("held");
setInterval(() => raw.rows("SELECT 1"), 1_000);
