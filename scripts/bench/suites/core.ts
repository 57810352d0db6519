import type { Measure, Runtime } from "../harness/types.ts";
import { bunqueue, client, errand, floor, plainjob } from "./subjects.ts";

const speed = [{ key: "speed", unit: "jobs/s" }] as const;

/** The measures of the core, with the targets that it must reach. */
export const core: readonly Measure[] = [
  {
    name: "enqueueMany, 1,000 a call",
    ours: errand("enqueue", "enqueueMany", "node"),
    peers: [plainjob("enqueueMany", 1), floor("enqueueMany", 0.7, "node")],
    figures: speed,
  },
  {
    name: "enqueue, 1,000 concurrent",
    ours: errand("enqueue", "concurrent", "node"),
    peers: [plainjob("enqueue", 2)],
    figures: speed,
  },
  {
    name: "enqueue, one by one",
    ours: errand("enqueue", "oneByOne", "node"),
    peers: [plainjob("enqueue", 0.6), client("oneByOne", 1.2)],
    figures: speed,
  },
  {
    name: "process, concurrency 10",
    ours: errand("process", "process", "node", 10),
    peers: [plainjob("process", 2.5)],
    figures: speed,
  },
  {
    name: "process, concurrency 10",
    ours: errand("process", "process", "bun", 10),
    peers: [bunqueue("process", 8, 10)],
    figures: speed,
  },
  {
    name: "process, concurrency 100",
    ours: errand("process", "process", "node", 100),
    peers: [plainjob("process", 4), floor("process", 0.6, "node", 100)],
    figures: speed,
  },
  {
    name: "process, concurrency 100",
    ours: errand("process", "process", "bun", 100),
    peers: [bunqueue("process", 12, 100), floor("process", 0.6, "bun", 100)],
    figures: speed,
  },
  {
    name: "claim with history",
    ours: errand("history", "full", "node", 100),
    peers: [{
      subject: {
        ...errand("history", "empty", "node", 100),
        name: "empty table",
      },
      atLeast: 0.8,
    }],
    figures: speed,
  },
  ...latency("node"),
  ...latency("bun"),
  ...stillness("node", ["--expose-gc"]),
  ...stillness("bun", []),
];

function latency(runtime: Runtime): Measure[] {
  return [
    {
      name: "enqueue to start, same process",
      ours: errand("latency", "sameProcess", runtime),
      peers: [],
      figures: [{ key: "p50", label: "p50", unit: "ms", below: 1 }],
    },
    {
      name: "enqueue to start, another process",
      ours: errand("latency", "otherProcess", runtime),
      peers: [],
      figures: [
        { key: "p50", label: "p50", unit: "ms", below: 10 },
        { key: "p99", label: "p99", unit: "ms", below: 30 },
      ],
    },
  ];
}

function stillness(runtime: Runtime, flags: readonly string[]): Measure[] {
  return [
    {
      name: "idle worker",
      ours: errand("idle", "cpu", runtime),
      peers: [],
      figures: [{ key: "cpu", unit: "% of a core", below: 1 }],
    },
    {
      name: "heap growth",
      ours: { ...errand("heap", "growth", runtime, 100), flags },
      peers: [],
      figures: [
        {
          key: "slope",
          label: "slope after warm-up",
          unit: "bytes/job",
          below: 1,
        },
        { key: "first", label: "first third", unit: "MB" },
        { key: "last", label: "last third", unit: "MB" },
        {
          key: "resident",
          label: "slope of resident memory",
          unit: "bytes/job",
        },
      ],
    },
  ];
}
