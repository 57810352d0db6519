// Finds the runtimes that the tests run on, and how each of them runs a TypeScript file or vitest.
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A JavaScript runtime that Errand supports as a host. */
export type Runtime = "node" | "deno" | "bun";

/** Every runtime, in the order in which the suite visits them. */
export const runtimes: readonly Runtime[] = ["node", "deno", "bun"];

/** The folder of the project, whatever the current folder is. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** The runtime that executes this code. */
export const current: Runtime = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** The executable of a runtime: the running one, the pinned one of node_modules, or PATH's. */
export function findRuntime(name: Runtime): string | undefined {
  if (name === current) return process.execPath;
  const { platform, arch } = process;
  if (name === "deno") {
    return inPackages("@deno", `${platform}-${arch}`, exe("deno")) ?? inPath("deno");
  }
  if (name === "bun") {
    const os = platform === "win32" ? "windows" : platform;
    const cpu = arch === "arm64" ? "aarch64" : arch;
    return inPackages("@oven", `bun-${os}-${cpu}`, join("bin", exe("bun"))) ?? inPath("bun");
  }
  return inPath("node");
}

/** The arguments with which a runtime runs one TypeScript file. */
export function tsArgs(name: Runtime, file: string): string[] {
  if (name === "deno") return ["run", "-A", file];
  if (name === "bun") return [file];
  return ["--import", "tsx", file];
}

/** The arguments with which a runtime runs an executable JavaScript file of a package. */
export function binArgs(name: Runtime, file: string): string[] {
  const path = join(root, "node_modules", file);
  if (name === "deno") return ["run", "-A", path];
  if (name === "bun") return ["--bun", path];
  return [path];
}

function inPackages(scope: string, prefix: string, file: string): string | undefined {
  const folder = join(root, "node_modules", scope);
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .sort() // the plain build comes before its variants, such as -musl
    .map((name) => join(folder, name, file))
    .find(existsSync);
}

function inPath(name: Runtime): string | undefined {
  return (process.env.PATH ?? "").split(delimiter)
    // what lies in node_modules/.bin may be a stub, as no install script has run
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, exe(name)))
    .find((path) => existsSync(path) && !isStandIn(name, path));
}

/** Where there is no Node, Deno and Bun put a link to themselves into PATH and call it node. */
function isStandIn(name: Runtime, path: string): boolean {
  const real = basename(realpathSync(path));
  return runtimes.some((other) => other !== name && real === exe(other));
}

function exe(name: string): string {
  return process.platform === "win32" ? `${name}.exe` : name;
}
