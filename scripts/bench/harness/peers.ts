import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bench } from "./folders.ts";

const shell = process.platform === "win32";

/** Installs the peers when they are missing or of another version; returns what failed, if any. */
export function ensurePeers(): string | undefined {
  if (!installed() && !npm("ci", "--ignore-scripts")) {
    return "the peers could not be installed (npm ci in scripts/bench failed)";
  }
  // Native code: fetched ready-made where there is a build for this system, else compiled.
  const addon = join(
    bench,
    "node_modules/better-sqlite3/build/Release/better_sqlite3.node",
  );
  if (
    !existsSync(addon) &&
    !npm("rebuild", "better-sqlite3", "--ignore-scripts=false")
  ) {
    return "better-sqlite3 could not be built (npm rebuild better-sqlite3 in scripts/bench failed)";
  }
  return undefined;
}

function installed(): boolean {
  const wanted = dependencies(join(bench, "package.json"));
  return Object.entries(wanted).every(([name, version]) => {
    const path = join(bench, "node_modules", name, "package.json");
    return existsSync(path) &&
      JSON.parse(readFileSync(path, "utf8")).version === version;
  });
}

function dependencies(path: string): Record<string, string> {
  return JSON.parse(readFileSync(path, "utf8")).dependencies;
}

function npm(...args: string[]): boolean {
  console.error(`scripts/bench: npm ${args.join(" ")} …`);
  // What npm prints goes to stderr: stdout carries the figures alone.
  const { status } = spawnSync("npm", args, {
    cwd: bench,
    stdio: ["ignore", 2, 2],
    shell,
  });
  return status === 0;
}
