// What Prometheus reads.
import { expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { createApi } from "../../src/http/app.ts";
import { durationsOf } from "../../src/http/durations.ts";
import { metricsText } from "../../src/http/metrics.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

const stats = { scheduled: 0, available: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
const token = "0123456789abcdef";

/** The samples of one metric. */
function samples(text: string, name: string): string[] {
  return text.split("\n").filter((line) =>
    line.startsWith(`${name}{`) || line.startsWith(`${name} `)
  );
}

it("jobs, ages, pauses, workers and durations are told", async () => {
  const work = defineTask({
    name: "work",
    retry: { maxAttempts: 2, delay: 0, backoff: "none", jitter: 0 },
    async run({ input, job }) {
      await errand.clock.advance("30ms");
      if (input === "fails" || job.attempt === 1) throw new Error("no");
    },
  });
  await using errand = await testErrand({ tasks: [work] });
  const send = caller(errand);
  await errand.enqueueMany(work, ["fails", "works"]);
  await using worker = errand.worker({ name: "w" });
  await worker.drain();
  await errand.enqueue(work, null, { queue: 'q"\\' });
  await errand.queues.pause("default");
  await errand.clock.advance("90s");
  const { body, headers } = await send("GET /metrics");
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(body).toContain('errand_jobs{queue="default",state="completed"} 1\n');
  expect(body).toContain('errand_jobs{queue="default",state="failed"} 1\n');
  expect(samples(body, "errand_oldest_available_seconds")).toEqual([
    'errand_oldest_available_seconds{queue="q\\"\\\\"} 90',
  ]);
  expect(body).toContain('errand_queue_paused{queue="default"} 1\n');
  expect(body).toContain('errand_workers{state="running"} 0\n');
  const count = "errand_attempt_duration_seconds_count";
  expect(samples(body, count).sort()).toEqual([
    `${count}{task="work",outcome="completed"} 1`,
    `${count}{task="work",outcome="failed"} 1`,
    `${count}{task="work",outcome="retried"} 2`,
  ]);
  expect(samples(body, "errand_attempt_duration_seconds_sum").sort()[2]).toMatch(/retried"} 0\.0/);
  const families = body.match(/^# TYPE (\S+)/gm)!;
  expect(new Set(families).size).toBe(families.length);
});

it("buckets add up", () => {
  const counts = [1, 0, 2, ...Array.from({ length: 13 }, () => 0)];
  const text = metricsText({
    ...{ nowMs: 0, stats: { ...stats, queues: {} }, workers: [], usage: undefined },
    durations: [{ task: "t", outcome: "completed", counts, count: 4, sumSeconds: 4_000 }],
  });
  const buckets = samples(text, "errand_attempt_duration_seconds_bucket");
  const totals = buckets.map((line) => Number(line.split(" ")[1]));
  expect(totals).toEqual([1, 1, ...Array.from({ length: 14 }, () => 3), 4]);
  expect(buckets.at(-1)).toContain('le="+Inf"');
});

it("rows are told where the database tells of them", () => {
  const of = { nowMs: 0, stats: { ...stats, queues: {} }, workers: [], durations: [] };
  const text = metricsText({ ...of, usage: { rowsRead: 7, rowsWritten: 5, requests: 3 } });
  expect(text).toContain("errand_database_rows_read_total 7\n");
  expect(text).toContain("errand_database_rows_written_total 5\n");
  expect(text).toContain("errand_database_requests_total 3\n");
  expect(metricsText({ ...of, usage: undefined })).not.toContain("rows");
});

it("durations are counted once, however many APIs there are, and for so many tasks", async () => {
  const tasks = Array.from(
    { length: 502 },
    (_, n) => defineTask({ name: `t${n}`, run: () => null }),
  );
  await using errand = await testErrand({ tasks });
  for (let made = 0; made < 2; made++) createApi(errand, { open: true });
  await errand.enqueueMany(tasks.map((task) => ({ task })));
  await using worker = errand.worker();
  await worker.drain({ maxJobs: 1_000 });
  const all = durationsOf(errand).all();
  expect(all).toHaveLength(501);
  expect(all.at(-1)).toMatchObject({ task: "(others)", count: 2 });
  expect(all[0]).toMatchObject({ count: 1 });
});

it("a limited token is told nothing of all queues", async () => {
  await using errand = await testErrand();
  const tokens = [{ name: "q", token, scopes: ["read"], queues: ["q"] }] as const;
  expect((await caller(errand, { tokens })("GET /metrics", { token })).status).toBe(403);
});
