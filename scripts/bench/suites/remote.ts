import type { Measure, Params, Subject } from "../harness/types.ts";

const speed = { key: "speed", unit: "jobs/s" } as const;
const ofTheIdeal = {
  key: "share",
  label: "of the ideal 2,000 jobs/s",
  unit: "×",
  atLeast: 0.85,
};
const distant = { concurrency: 100, jobs: 10_000 };

/** The measures over a libSQL server, with the targets that Errand must reach. */
export const remote: readonly Measure[] = [
  {
    name: "enqueueMany, 1,000 a call, over a server",
    ours: subject("errand", "remote", "enqueueMany", 0),
    peers: [{
      subject: subject("bare client", "bare", "enqueueMany", 0),
      atLeast: 0.7,
    }],
    figures: [speed],
  },
  {
    name: "process, concurrency 100, over a server",
    ours: subject("errand", "remote", "process", 0, { concurrency: 100 }),
    peers: [
      {
        subject: subject("bare client", "bare", "process", 0, {
          concurrency: 100,
        }),
        atLeast: 0.6,
      },
      {
        subject: subject("claim loop", "claim-loop", "process", 0, {
          jobs: 500,
          loops: 1,
        }),
        atLeast: 10,
      },
    ],
    figures: [speed],
  },
  {
    name: "process, handlers of 50 ms, round trips of 30 ms",
    ours: subject("errand", "remote", "slow", 30, distant),
    peers: [],
    figures: [speed, ofTheIdeal],
  },
  {
    name: "rows billed for 1,000,000 jobs",
    ours: subject("errand", "remote", "rows", 0, { concurrency: 50 }),
    peers: [
      { subject: subject("River's schema", "schemas", "river", 0) },
      { subject: subject("Honker's schema", "schemas", "honker", 0) },
      { subject: subject("naive poller", "schemas", "naive", 0) },
    ],
    figures: [
      { key: "written", label: "written", unit: "rows", below: 4_100_001 },
      { key: "read", label: "read", unit: "rows" },
    ],
  },
  {
    name: "cold start in workerd",
    ours: { ...subject("errand", "cold", "cold", 0), runtime: "bun" },
    peers: [],
    figures: [
      { key: "start", label: "process until it listens", unit: "ms" },
      { key: "first", label: "first enqueue", unit: "ms" },
      { key: "second", label: "second enqueue", unit: "ms" },
    ],
  },
];

function subject(
  name: string,
  file: string,
  measure: string,
  roundTripMs: number,
  params: Partial<Params> = {},
): Subject {
  return {
    ...{ name, runtime: "node", measure, server: { roundTripMs } },
    file: `subjects/${file}.ts`,
    params: { jobs: 20_000, warmup: 2_000, ...params },
  };
}
