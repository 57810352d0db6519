// Which files there are.
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const SKIPPED = new Set(["node_modules", ".git", "dist"]);
const OWN_DATABASE = /^errand-demo\.db(-wal|-shm)?$/;

/** All files below `folder`, sorted; `undefined` when it is no folder. */
export function listFiles(folder: string): readonly string[] | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  return [...below(folder)].sort();
}

function* below(folder: string): Generator<string> {
  for (const entry of entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* below(path);
    else if (entry.isFile() && !OWN_DATABASE.test(entry.name)) yield path;
  }
}

function entries(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    console.error(`Leaving out ${folder}: ${(error as Error).message}`);
    return [];
  }
}
