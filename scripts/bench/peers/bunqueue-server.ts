/**
 * bunqueue's server in a process of its own, with a data path, and a worker over TCP: jobs are
 * pulled and acknowledged in batches, as its client does by default.
 */
import { Queue, Worker } from "bunqueue/client";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import type { Figures, Params } from "../harness/types.ts";
import { payloads } from "../lib/payload.ts";
import { perSecond, runSubject } from "../lib/subject.ts";

await runSubject({ process: processOverTcp });

async function processOverTcp(params: Params): Promise<Figures> {
  const port = await freePort();
  const cli = join(import.meta.dirname, "../node_modules/bunqueue/dist/cli/index.js");
  const args = [cli, "start", "--tcp-port", String(port), "--http-port", String(await freePort())];
  const child = spawn(process.execPath, [...args, "--data-path", join(params.folder, "tcp.db")], {
    stdio: "ignore",
  });
  try {
    await reachable(port);
    await processAll(port, "warm", params.warmup, params);
    return { speed: perSecond(params.jobs, await processAll(port, "timed", params.jobs, params)) };
  } finally {
    child.kill("SIGKILL");
  }
}

async function processAll(
  port: number,
  name: string,
  jobs: number,
  params: Params,
): Promise<number> {
  const connection = { host: "127.0.0.1", port };
  const queue = new Queue(name, { connection });
  for (const list of payloads(jobs, params.perCall)) {
    await queue.addBulk(
      list.map((data) => ({ name: "noop", data, opts: { removeOnComplete: false } })),
    );
  }
  await Bun.sleep(500); // rows go to the file every 10 ms
  const { concurrency } = params;
  const worker = new Worker(name, () => Promise.resolve({ ok: true }), {
    connection,
    concurrency,
    batchSize: concurrency,
    autorun: false,
  });
  let done = 0;
  const finished = new Promise<number>((resolve) => {
    worker.on("completed", () => {
      if (++done === jobs) resolve(performance.now());
    });
  });
  const start = performance.now();
  worker.run();
  const ms = await finished - start;
  await worker.close();
  queue.close();
  return ms;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await Bun.connect({
      ...{ hostname: "127.0.0.1", port },
      socket: { data() {} },
    }).catch(() => undefined);
    if (response !== undefined) return void response.end();
    await Bun.sleep(50);
  }
  throw new Error("Error: bunqueue's server does not listen");
}
