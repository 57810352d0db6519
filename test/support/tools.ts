// Programs of other languages, and their tools.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { need } from "./need.ts";

/** Whether every tool is in PATH, with the loudness of {@link need}. */
export function needTools(...names: readonly string[]): boolean {
  return names.map((name) => {
    const path = findTool(name);
    return need(name, path === undefined ? { why: `there is no ${name} in PATH` } : { path });
  }).every(Boolean);
}

function findTool(name: string): string | undefined {
  return (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name))
    .find(existsSync);
}
