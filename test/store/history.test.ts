import { describe, expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import {
  claim,
  jobError,
  listAll,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { openBench, places } from "../support/store.ts";

const DAY_MS = 86_400_000;

async function complete(store: Store, id: string, retentionMs: number | null): Promise<void> {
  await store.enqueue([newJob(id)]);
  await claim(store, `lease of ${id}`);
  const done = settlement(id, `lease of ${id}`, outcomes.complete, { retentionMs });
  await settle(store, [done], [`lease of ${id}`]);
}

async function ids(store: Store): Promise<string[]> {
  return (await store.list(listAll)).jobs.map(({ id }) => id);
}

describe.each(places)("in a store at %s", (place) => {
  it("an ended job is removed when its own retention is over and not before", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await complete(store, "an hour", 3_600_000);
    await complete(store, "a second", 1_000);
    await complete(store, "ever", null);
    await complete(store, "two days", 2 * DAY_MS);
    await clock.advance(999);
    expect(await store.prune("", 100)).toEqual({ removed: 0, cursor: "" });
    await clock.advance(1);
    expect(await store.prune("", 100)).toEqual({ removed: 1, cursor: "" });
    expect(await ids(store)).toEqual(["an hour", "ever", "two days"]);
    await clock.advance(DAY_MS);
    expect((await store.prune("", 100)).removed).toBe(1);
    await clock.advance("7000d");
    expect((await store.prune("", 100)).removed).toBe(1);
    expect(await ids(store)).toEqual(["ever"]);
    expect((await store.stats()).completed).toBe(1);
  });

  it("no retention of 0 leaves a trace of its job, its log or its count", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue([newJob("a"), newJob("b")]);
    await claim(store, "mine");
    const lines = JSON.stringify([{ at: 1, attempt: 1, message: "hello" }]);
    const held = ["a", "b"].map((id) => ({
      ...{ id, queue: "q", lease: "mine" },
      report: { logs: [{ id: `log ${id}`, lines }] },
    }));
    await store.heartbeat({ leaseMs: 1_000, leases: ["mine"], held });
    await settle(store, [
      settlement("a", "mine", outcomes.complete, { retentionMs: 0 }),
      settlement("b", "mine", outcomes.fail, { retentionMs: 0 }),
    ], ["mine"]);
    expect(await bench.tables()).toEqual({ jobs: {}, leases: {}, tally: {}, logs: [] });
  });

  it("a retention of 0 removes a job as it is cancelled, or fails with its worker", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    const options = JSON.stringify({ retentionMs: 0 });
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id, { options, maxAttempts: 1 })));
    await claim(store, "mine", ["q"], { limit: 2 });
    const lines = JSON.stringify([{ at: 1, attempt: 1, message: "hello" }]);
    const held = ["a", "b"].map((id) => ({
      ...{ id, queue: "q", lease: "mine" },
      report: { logs: [{ id: `log ${id}`, lines }] },
    }));
    await store.heartbeat({ leaseMs: 1_000, leases: ["mine"], held });
    for (const id of ["a", "c"]) {
      const { job, changed } = await store.cancel(id, { defaultMs: null, tasks: {} });
      expect([job?.state, changed]).toEqual(["cancelled", true]);
    }
    await clock.advance("1h");
    expect((await store.rescue(rescueAll)).jobs).toMatchObject([{ id: "b", state: "failed" }]);
    const { tally, ...left } = await bench.tables();
    expect(left).toEqual({ jobs: {}, leases: {}, logs: [] });
    expect(Object.values(tally).every((n) => n === 0)).toBe(true);
  });

  it("a job's word on its retention goes before its task's, the task's before the default", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    const options = (retentionMs: number | null) => JSON.stringify({ retentionMs });
    await store.enqueue([
      newJob("default", { task: "plain" }),
      newJob("task", { task: "kept" }),
      newJob("task for ever", { task: "for ever" }),
      newJob("job", { task: "kept", options: options(7) }),
      newJob("job for ever", { task: "kept", options: options(null) }),
      newJob("job with other words", { task: "kept", options: '{"timeoutMs":1}' }),
    ]);
    const retentions = { defaultMs: 1_000, tasks: { kept: 2_000, "for ever": null } };
    const now = bench.clock.now();
    const jobs = Object.keys((await bench.tables()).jobs);
    for (const id of jobs) await store.cancel(id, retentions);
    const kept = Object.entries((await bench.tables()).jobs)
      .map(([id, { expire_at }]) => [id, expire_at === null ? null : Number(expire_at) - now]);
    expect(Object.fromEntries(kept)).toEqual({
      ...{ default: 1_000, task: 2_000, "task for ever": null },
      ...{ job: 7, "job for ever": null, "job with other words": 2_000 },
    });
  });

  it("a rescue without an attempt left keeps the job as long as a failure would", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a"), newJob("b", { options: '{"retentionMs":null}' })]);
    await claim(store, "mine", ["q"], { leaseMs: 1_000 });
    await clock.advance("5s");
    await store.rescue({ ...rescueAll, maxAttempts: 1 });
    const { jobs } = await bench.tables();
    expect(jobs.a).toMatchObject({ state: "failed", expire_at: clock.now() + 60_000 });
    expect(jobs.b).toMatchObject({ state: "failed", expire_at: null });
  });

  it("pruning looks at a bounded stretch and goes on from its cursor", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    const all = Array.from({ length: 10 }, (_, i) => `job ${i}`);
    for (const id of all) await complete(store, id, id === "job 2" ? null : 1_000);
    await clock.advance("1s");
    const first = await store.prune("", 4);
    expect(first).toEqual({ removed: 3, cursor: "job 3" });
    expect(await store.prune(first.cursor, 4)).toEqual({ removed: 4, cursor: "job 7" });
    expect(await store.prune("job 7", 4)).toEqual({ removed: 2, cursor: "" });
    expect(await ids(store)).toEqual(["job 2"]);
    expect((await bench.tables()).tally).toEqual({ "q completed": 1 });
  });

  it("pruning takes the log of a job with it and no other job's", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a"), newJob("b")]);
    await claim(store, "mine");
    const log = (id: string) => ({ logs: [{ id, lines: JSON.stringify([{ message: id }]) }] });
    await settle(store, [
      settlement("a", "mine", outcomes.complete, { retentionMs: 1_000, report: log("a") }),
      settlement("b", "mine", outcomes.complete, { retentionMs: null, report: log("b") }),
    ], ["mine"]);
    await clock.advance("1s");
    await store.prune("", 100);
    expect((await bench.tables()).logs).toEqual([["b", "b", '[{"message":"b"}]']]);
  });

  it("a job made live again outlives the end of its old retention", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await complete(store, "a", 1_000);
    await store.retry("a", null, 0);
    await clock.advance("1d");
    expect((await store.prune("", 100)).removed).toBe(0);
    expect((await store.get("a"))?.state).toBe("available");
  });

  it("no live job is ever pruned", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    await claim(store, "mine", ["q"], { limit: 2 });
    const retry = { kind: "retry", error: jobError(), delayMs: 9_000_000_000 } as const;
    await settle(store, [settlement("a", "mine", retry, { retentionMs: 0 })]);
    await clock.advance("36500d");
    expect((await store.prune("", 100)).removed).toBe(0);
    expect(await ids(store)).toEqual(["a", "b", "c"]);
  });
});
