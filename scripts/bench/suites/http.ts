import type { Measure, Params, Peer, Runtime, Subject } from "../harness/types.ts";
import { full } from "./sizes.ts";
import { errand } from "./subjects.ts";

const speed = [{ key: "speed", unit: "jobs/s" }] as const;

/** As in the core's suite: servers are measured as they run for long. */
const WARM = { jobs: full.jobs, warmup: full.warmup };

/** The measures of the HTTP API, with the targets that it must reach. */
export const http: readonly Measure[] = [
  ...(["node", "bun"] as const).flatMap(posts),
  {
    name: "worker over HTTP, concurrency 100",
    ours: subject("worker", "bun", { concurrency: 100 }),
    peers: [bunqueueServer(3)],
    figures: speed,
  },
  ...(["node", "bun"] as const).flatMap(waits),
];

function posts(runtime: Runtime): Measure[] {
  return [
    {
      name: "POST /jobs, 1 a request, 50 connections",
      ours: subject("one", runtime, WARM),
      peers: [{
        subject: { ...subject("hono", runtime, WARM), name: "hono, no database" },
        atLeast: 0.6,
      }],
      figures: speed,
    },
    {
      name: "POST /jobs, 100 a request, 50 connections",
      ours: subject("hundred", runtime, { jobs: 100_000 }),
      peers: [{
        subject: { ...errand("enqueue", "enqueueMany", runtime), name: "enqueueMany in process" },
      }],
      figures: [{ key: "speed", unit: "jobs/s", atLeast: 50_000 }],
    },
  ];
}

function waits(runtime: Runtime): Measure[] {
  return [
    {
      name: "enqueue to start, over HTTP",
      ours: subject("latency", runtime),
      peers: [],
      figures: [
        { key: "p50", label: "p50", unit: "ms", below: 5 },
        { key: "p99", label: "p99", unit: "ms", below: 25 },
      ],
    },
    {
      name: "1,000 workers that wait",
      ours: subject("parked", runtime),
      peers: [],
      figures: [
        { key: "cpu", label: "cpu", unit: "% of a core", below: 5 },
        { key: "reads", label: "looks and writes", unit: "/s" },
      ],
    },
    {
      name: "POST /jobs beside a worker that drains 100,000",
      ours: subject("busy", runtime, { jobs: 100_000, concurrency: 100 }),
      peers: [],
      figures: [
        { key: "p50", label: "p50", unit: "ms" },
        { key: "p99", label: "p99", unit: "ms", below: 50 },
      ],
    },
  ];
}

function subject(measure: string, runtime: Runtime, params: Partial<Params> = {}): Subject {
  const sizes = { jobs: 20_000, warmup: 5_000, ...params };
  return { name: "errand", runtime, file: "subjects/http.ts", measure, params: sizes };
}

/** bunqueue's server over TCP, and its worker. */
function bunqueueServer(atLeast: number): Peer {
  const params = { jobs: 20_000, warmup: 5_000, concurrency: 100 };
  const file = "peers/bunqueue-server.ts";
  return {
    subject: { name: "bunqueue over TCP", runtime: "bun", file, measure: "process", params },
    atLeast,
  };
}
