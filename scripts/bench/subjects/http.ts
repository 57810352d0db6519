/** Errand over HTTP: a server in one process, its clients in another, on one runtime. */
import { Hono } from "hono";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineTask, type ErrandVerbs, type Task } from "../../../mod.ts";
import { connect } from "../../../src/client/mod.ts";
import { createApi } from "../../../src/http/mod.ts";
import { partsOf } from "../../../src/parts.ts";
import type { Figures, Params } from "../harness/types.ts";
import { addJobs, completions, noop, openErrand } from "../lib/errand.ts";
import { load, type Loaded, park } from "../lib/load.ts";
import { type Payload, payload } from "../lib/payload.ts";
import { type Served, serveForParent, startServer } from "../lib/serve.ts";
import { percentile } from "../lib/stats.ts";
import { expectEqual, perSecond, runSubject } from "../lib/subject.ts";
import { randomGap, sleep, wallClock } from "../lib/wait.ts";

const CONNECTIONS = 50;
/** Samples of latency before those that count. */
const WARMUP = 50;
const PARKED = 1_000;

await runSubject({
  one: (params) => post(params, "server", 1),
  hundred: (params) => post(params, "server", 100),
  hono: (params) => post(params, "honoServer", 1),
  worker: processAll,
  latency,
  parked,
  busy,
  // What runs in the process of the server.
  server: async (params) => {
    await using errand = await openErrand(join(params.folder, `${params.concurrency}.db`));
    const reads = countReads(errand);
    const api = createApi(errand, { open: true });
    const counted = (request: Request): Response | Promise<Response> =>
      request.url.endsWith("/reads") ? Response.json(reads()) : api.fetch(request);
    await serveForParent(counted);
    return {};
  },
  honoServer: async () => {
    await serveForParent(withoutDatabase().fetch);
    return {};
  },
});

/** Answers what the API answers to one job, and keeps nothing. */
function withoutDatabase(): Hono {
  const app = new Hono();
  app.post("/v1/jobs", async (context) => {
    const { task, payload } = await context.req.json<{ task: string; payload: unknown }>();
    const now = new Date().toISOString();
    const times = { runAt: now, createdAt: now, enqueued: "inserted" };
    const state = { queue: "default", state: "available", priority: 0, attempt: 0 };
    const job = { id: crypto.randomUUID(), task, ...state, payload, errors: [], ...times };
    return context.json(job, 201);
  });
  return app;
}

/** Jobs a second, `each` in a request. */
async function post(params: Params, server: string, each: number): Promise<Figures> {
  await using served = await startServer(server, params);
  await send(served, params.warmup, each);
  const { ms } = await send(served, params.jobs, each);
  return { speed: perSecond(params.jobs, ms) };
}

function send(served: Served, jobs: number, each: number): Promise<Loaded> {
  const bodies = Array.from({ length: jobs / each }, (_, at) => {
    const some = Array.from(
      { length: each },
      (_, of) => ({ task: "noop", payload: payload(at * each + of) }),
    );
    return JSON.stringify(each === 1 ? some[0] : some);
  });
  const { port } = served;
  return load({ port, path: "/v1/jobs", connections: CONNECTIONS, bodies, status: 201 });
}

/** A worker over HTTP: from its start to the last stored completion. */
async function processAll(params: Params): Promise<Figures> {
  await using served = await startServer("server", params);
  await drained(served, params.warmup, params);
  return { speed: perSecond(params.jobs, await drained(served, params.jobs, params)) };
}

async function drained(served: Served, jobs: number, params: Params): Promise<number> {
  await using errand = connect({ url: served.url, tasks: [noop] });
  const { completed } = await errand.stats();
  await addJobs(errand, jobs, params.perCall);
  const worker = errand.worker({ concurrency: params.concurrency });
  const finished = completions(errand, jobs);
  const start = performance.now();
  await worker.start();
  const ms = await finished - start;
  await worker.stop();
  expectEqual("the completed jobs", (await errand.stats()).completed, completed + jobs);
  return ms;
}

/** From the call of `enqueue` to the start of the handler, each over a client of its own. */
async function latency(params: Params): Promise<Figures> {
  await using served = await startServer("server", params);
  const delays: number[] = [];
  await using works = connect({ url: served.url, tasks: [recorder(delays)] });
  await using asks = connect({ url: served.url });
  await using worker = works.worker({ concurrency: 10 });
  await worker.start();
  for (let order = 0; order < WARMUP + params.samples; order++) {
    await randomGap();
    await asks.enqueue("noop", payload(order, wallClock()));
  }
  while (delays.length < WARMUP + params.samples) await sleep(10);
  const counted = delays.slice(WARMUP);
  return { p50: percentile(counted, 50), p99: percentile(counted, 99) };
}

function recorder(delays: number[]): Task<Payload> {
  return defineTask<Payload>({
    name: "noop",
    run: ({ input }) => {
      delays.push(wallClock() - input.sent);
      return Promise.resolve({ ok: true });
    },
  });
}

/** A thousand workers that wait for a claim: what they take of a core and of the database. */
async function parked(params: Params): Promise<Figures> {
  await using served = await startServer("server", params);
  using parked = await park(served.port, "/v1/claims", PARKED, (at) => ({
    ...{ worker: `w${at}`, queues: ["default"], limit: 1, wait: "60s" },
  }));
  await sleep(3_000);
  const before = [cpuSeconds(served.pid), await readsOf(served)] as const;
  await sleep(params.idleSeconds * 1_000);
  const [cpu, reads] = [cpuSeconds(served.pid) - before[0], await readsOf(served) - before[1]];
  expectEqual("the answers to parked claims", parked.answered(), 0);
  const seconds = params.idleSeconds;
  return { cpu: cpu / seconds * 100, reads: reads / seconds };
}

/** Of one job a request while a worker of another process drains many. */
async function busy(params: Params): Promise<Figures> {
  await using served = await startServer("server", params);
  await send(served, 2_000, 1);
  await using errand = connect({ url: served.url, tasks: [noop] });
  await addJobs(errand, params.jobs, params.perCall);
  await using worker = errand.worker({ concurrency: params.concurrency });
  let working = true;
  void completions(errand, params.jobs).then(() => working = false);
  await worker.start();
  const latencies: number[] = [];
  const body = JSON.stringify({ task: "noop", payload: payload(0), delay: "1d" });
  while (working) {
    const sent = load({
      ...{ port: served.port, path: "/v1/jobs", connections: 10, status: 201 },
      bodies: Array.from({ length: 100 }, () => body),
    });
    latencies.push(...(await sent).latencies);
    await sleep(20);
  }
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
}

/** Counts the looks and writes that reach the store. */
function countReads(errand: ErrandVerbs): () => { readonly reads: number } {
  const { broker } = partsOf(errand);
  let reads = 0;
  for (const verb of ["glimpse", "exchange", "get", "getMany", "list"] as const) {
    const real = broker[verb].bind(broker) as (...args: unknown[]) => unknown;
    Object.assign(broker, { [verb]: (...args: unknown[]) => (reads++, real(...args)) });
  }
  return () => ({ reads });
}

async function readsOf(served: Served): Promise<number> {
  const response = await fetch(`${served.url}/reads`);
  return (await response.json() as { reads: number }).reads;
}

/** User and system time of a process, on Linux. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
