// Takes the write lock of a database file and keeps it until it is killed.
import process from "node:process";
import { holdLock } from "../raw.ts";

const lock = holdLock(process.env.LOCKED_FILE ?? "");
console.log("locked");
setInterval(() => lock, 1_000); // what nobody refers to is closed
