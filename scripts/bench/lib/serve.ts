import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Params } from "../harness/types.ts";

/** A server in a process of its own, of the same program and runtime. */
export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
}

/** What serves requests. */
export type Serve = (request: Request) => Response | Promise<Response>;

/** Serves `fetch` on a free port by what the runtime is fastest with; tells the parent the port. */
export async function serveForParent(fetch: Serve): Promise<void> {
  const port = await listen(fetch);
  console.log(JSON.stringify({ port }));
  await new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
}

async function listen(fetch: Serve): Promise<number> {
  const hostname = "127.0.0.1";
  if ("Bun" in globalThis) {
    const { Bun } = globalThis as unknown as {
      Bun: { serve(of: object): { readonly port: number } };
    };
    return Bun.serve({ port: 0, hostname, idleTimeout: 0, fetch }).port;
  }
  const { serve } = await import("@hono/node-server");
  return await new Promise((resolve) => {
    serve({ fetch, port: 0, hostname }, ({ port }) => resolve(port));
  });
}

/** Starts this very subject again as a server, by the measure `name`. */
export async function startServer(name: string, params: Params): Promise<Served> {
  const args = [...process.execArgv, process.argv[1]!, name, JSON.stringify(params)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const { port } = JSON.parse(await firstLine(child)) as { port: number };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    [Symbol.asyncDispose]: () => ended(child),
  };
}

/** The first line that a child prints. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk: unknown) => {
      text += String(chunk);
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.on("close", (code) => reject(new Error(`Error: the server ended with code ${code}`)));
  });
}

/** Ends a child. */
export function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.on("close", () => resolve());
    child.kill("SIGTERM");
  });
}
