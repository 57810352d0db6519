import { describe, expect, it } from "vitest";
import type { Report } from "../../src/outcome.ts";
import {
  claim,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

function beat({ store }: Bench, report: Report, lease = "mine"): Promise<unknown> {
  return store.heartbeat({
    leaseMs: LEASE_MS,
    leases: [lease],
    held: [{ id: "a", queue: "q", lease, report }],
  });
}

function lines(id: string, ...messages: readonly string[]): Report {
  const entries = messages.map((message) => ({ at: 1, attempt: 1, message }));
  return { logs: [{ id, lines: JSON.stringify(entries) }] };
}

async function claimed(bench: Bench): Promise<void> {
  await bench.store.enqueue([newJob("a", { payload: '{"step":0}' }), newJob("b")]);
  await claim(bench.store, "mine");
}

describe.each(places)("in a store at %s", (place) => {
  it("a report of progress does not touch the payload", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    const before = await bench.tables();
    await beat(bench, { progress: '{"percent":50}' });
    const { jobs } = await bench.tables();
    expect(jobs).toEqual({ ...before.jobs, a: { ...before.jobs.a, progress: '{"percent":50}' } });
  });

  it("a report of a payload does not touch the progress", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    await beat(bench, { progress: "1" });
    await beat(bench, { payload: '{"step":1}' });
    expect(await bench.store.get("a")).toMatchObject({ payload: { step: 1 }, progress: 1 });
    expect((await bench.store.get("b"))?.payload).toBe("payload of b");
  });

  it.each(["0", "false", '""', "[]", '"text"', "1.5", "[[1],{}]"])(
    "progress can be %s",
    async (progress) => {
      await using bench = await openBench(place);
      await claimed(bench);
      await beat(bench, { progress });
      expect((await bench.store.get("a"))?.progress).toEqual(JSON.parse(progress));
    },
  );

  it("a report under another lease changes nothing", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    const before = await bench.tables();
    await beat(bench, { progress: "9", payload: "{}", ...lines("1", "not mine") }, "other");
    expect(await bench.tables()).toEqual(before);
  });

  it.each(["complete", "fail", "retry", "snooze", "release"] as const)(
    "what a handler reported last is saved with its outcome %s",
    async (kind) => {
      await using bench = await openBench(place);
      await claimed(bench);
      const report = { payload: '{"step":2}', progress: "2", ...lines("1", "the end") };
      await settle(bench.store, [settlement("a", "mine", outcomes[kind], { report })], ["mine"]);
      expect(await bench.store.get("a")).toMatchObject({ payload: { step: 2 }, progress: 2 });
      expect((await bench.store.logs("a")).map(({ message }) => message)).toEqual(["the end"]);
    },
  );

  it("a lost outcome takes its report with it", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    await bench.store.cancel("a", rescueAll.retentions);
    const before = await bench.tables();
    const report = { payload: '{"step":2}', progress: "2", ...lines("1", "too late") };
    await settle(bench.store, [settlement("a", "mine", outcomes.complete, { report })]);
    expect(await bench.tables()).toEqual(before);
  });

  it("log lines come back in the order in which they were written", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    await beat(bench, lines("1", "one", "two"));
    await beat(bench, lines("2", 'three "quoted" \u0000 and 🙂'));
    await beat(bench, lines("3", "four"));
    expect((await bench.store.logs("a")).map(({ message }) => message))
      .toEqual(["one", "two", 'three "quoted" \u0000 and 🙂', "four"]);
    expect(await bench.store.logs("b")).toEqual([]);
  });

  it("removing a job removes its log, and a running job keeps both", async () => {
    await using bench = await openBench(place);
    await claimed(bench);
    await beat(bench, lines("1", "hello"));
    expect((await bench.store.remove("a")).changed).toBe(false);
    expect(await bench.store.logs("a")).toHaveLength(1);
    await settle(bench.store, [settlement("a", "mine", outcomes.complete)]);
    expect((await bench.store.remove("a")).changed).toBe(true);
    expect((await bench.tables()).logs).toEqual([]);
  });

  it("a heartbeat is one row, however many jobs its lease holds", async () => {
    await using bench = await openBench(place);
    const ids = Array.from({ length: 50 }, (_, i) => `job ${100 + i}`);
    await bench.store.enqueue(ids.map((id) => newJob(id)));
    await claim(bench.store, "mine");
    await bench.clock.advance("10s");
    const before = await bench.tables();
    const held = ids.map((id) => ({ id, queue: "q", lease: "mine" }));
    const { lost } = await bench.store.heartbeat({ leaseMs: LEASE_MS, leases: ["mine"], held });
    expect(lost).toEqual([]);
    const mine = { ...before.leases.mine, expires_at: bench.clock.now() + LEASE_MS };
    expect(await bench.tables()).toEqual({ ...before, leases: { mine } });
  });
});
