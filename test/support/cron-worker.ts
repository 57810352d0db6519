// A worker in Cloudflare's runtime, with its bindings, and with cron triggers on request.
import { writeFile } from "node:fs/promises";
import { bundle } from "./bundle.ts";
import { startServer } from "./server.ts";
import { tempDir } from "./temp.ts";
import { findWorkerd } from "./workerd.ts";

/** A running worker. */
export interface CronWorker extends AsyncDisposable {
  readonly url: string;
  /** Triggers its cron; resolves with the outcome, when all that it keeps alive is done. */
  cron(): Promise<string>;
}

const config = (env: Readonly<Record<string, string>>): string =>
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "front", worker = .front),
    (name = "internet", network = (allow = ["public", "local"])),
  ],
  sockets = [(name = "http", http = (), service = "front")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
  bindings = [${
    Object.entries(env).map(([name, text]) =>
      `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`
    ).join(", ")
  }],
);
const front :Workerd.Worker = (
  modules = [(name = "front.js", esModule = embed "front.js")],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "WORKER", service = "worker")],
);`;

/** Passes requests on, and turns one into a cron trigger, as only a service binding can. */
const FRONT = `export default {
  async fetch(request, { WORKER }) {
    if (!request.url.endsWith("/cron trigger")) return WORKER.fetch(request);
    const event = { cron: "* * * * *", scheduledTime: new Date() };
    return Response.json(await WORKER.scheduled(event));
  },
};`.replace("/cron trigger", "/cron%20trigger");

/** Starts the worker that a TypeScript file exports; disposal kills it. */
export async function startCronWorker(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<CronWorker> {
  const dir = await tempDir();
  await writeFile(dir.file("worker.js"), await bundle(entry, "workerd"));
  await writeFile(dir.file("front.js"), FRONT);
  await writeFile(dir.file("config.capnp"), config(env));
  const server = await startServer({
    command: findWorkerd().path!,
    cwd: dir.path,
    ready: '"event":"listen"',
    args: ([port]) => [
      ...["serve", "--experimental", "--control-fd=1", `--socket-addr=http=127.0.0.1:${port}`],
      dir.file("config.capnp"),
    ],
  });
  const url = `http://127.0.0.1:${server.ports[0]}`;
  return {
    url,
    async cron() {
      const { outcome } = await (await fetch(`${url}/cron trigger`)).json() as { outcome: string };
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      await dir[Symbol.asyncDispose]();
    },
  };
}
