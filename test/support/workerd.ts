// Cloudflare's runtime itself, without an emulator around it.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/runtimes.ts";
import { bundle, bundleModules } from "./bundle.ts";
import type { Found } from "./need.ts";
import { startServer } from "./server.ts";
import { tempDir } from "./temp.ts";

/** A running worker. */
export interface Workerd extends AsyncDisposable {
  readonly url: string;
}

/** Where the runtime's binary is. */
export function findWorkerd(): Found {
  const cpu = process.arch === "x64" ? "64" : process.arch;
  const [os, exe] = process.platform === "win32"
    ? ["windows", "workerd.exe"]
    : [process.platform, "workerd"];
  const path = join(
    root,
    "node_modules",
    "@cloudflare",
    `workerd-${os}-${cpu}`,
    "bin",
    exe,
  );
  return existsSync(path) ? { path } : { why: `no workerd for ${os}-${cpu} in node_modules` };
}

/** The internet that a worker sees by default has no private addresses. */
const config = (modules: readonly string[]): string =>
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "local"])),
  ],
  sockets = [(name = "http", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.map((name) => `(name = "${name}", esModule = embed "${name}")`).join()}],
  compatibilityDate = "2026-01-01",
);`;

/** Starts the worker that a TypeScript file exports; disposal kills it. */
export async function startWorkerd(entry: string): Promise<Workerd> {
  return startScript(await bundle(entry, "workerd"));
}

/** The same in modules, as Cloudflare takes them as well: what is seldom used is loaded later. */
export async function startModules(entry: string): Promise<Workerd> {
  return start(await bundleModules(entry));
}

/** Starts a worker that is bundled already. */
export function startScript(script: string | Uint8Array): Promise<Workerd> {
  return start(new Map([["worker.js", script]]));
}

async function start(modules: ReadonlyMap<string, string | Uint8Array>): Promise<Workerd> {
  const dir = await tempDir();
  for (const [name, text] of modules) await writeFile(dir.file(name), text);
  const names = [...modules.keys()].sort((a) => a === "worker.js" ? -1 : 1); // it comes first
  await writeFile(dir.file("config.capnp"), config(names));
  const server = await startServer({
    command: findWorkerd().path!,
    cwd: dir.path,
    ready: '"event":"listen"',
    args: ([port]) => [
      ...["serve", "--control-fd=1", `--socket-addr=http=127.0.0.1:${port}`],
      dir.file("config.capnp"),
    ],
  });
  return {
    url: `http://127.0.0.1:${server.ports[0]}`,
    async [Symbol.asyncDispose]() {
      await server.kill();
      await dir[Symbol.asyncDispose]();
    },
  };
}
