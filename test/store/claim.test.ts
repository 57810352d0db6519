import { describe, expect, it } from "vitest";
import { claim, claimIds, newJob, outcomes, settle, settlement } from "../support/jobs.ts";
import { openBench, places } from "../support/store.ts";

describe.each(places)("in a store at %s", (place) => {
  it("jobs of higher priority are claimed first, equal ones in the order they came", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([
      newJob("a", { priority: 1 }),
      newJob("b", { priority: 5 }),
      newJob("c", { priority: 1 }),
      newJob("d", { priority: -3 }),
      newJob("e", { priority: 5 }),
    ]);
    expect(await claimIds(bench.store, "1", ["q"], { limit: 2 })).toEqual(["b", "e"]);
    expect(await claimIds(bench.store, "2")).toEqual(["a", "c", "d"]);
  });

  it("a job that was due earlier is claimed before one that was enqueued earlier", async () => {
    await using bench = await openBench(place);
    const start = bench.clock.now();
    await bench.store.enqueue([
      newJob("a", { runAtMs: start - 1_000 }),
      newJob("b", { runAtMs: start - 9_000 }),
    ]);
    expect(await claimIds(bench.store, "1")).toEqual(["b", "a"]);
  });

  it("one claim keeps the limit in all and that of each queue", async () => {
    await using bench = await openBench(place);
    const ids = ["a", "b", "c", "d", "e"];
    await bench.store.enqueue(
      ["x", "y", "z"].flatMap((queue) =>
        ids.map((id, index) => newJob(`${queue}${id}`, { queue, priority: index }))
      ),
    );
    const queues = [{ queue: "x", limit: 2 }, { queue: "y", limit: 9 }];
    expect(await claimIds(bench.store, "1", [], { limit: 4, queues }))
      .toEqual(["xe", "ye", "xd", "yd"]);
    const two = [{ queue: "x", limit: 1 }, { queue: "z", limit: 1 }];
    expect(await claimIds(bench.store, "2", [], { limit: 9, queues: two })).toEqual(["ze", "xc"]);
  });

  it("a claim that finds nothing leaves no lease", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a", { queue: "elsewhere" })]);
    expect(await claimIds(bench.store, "1")).toEqual([]);
    expect((await bench.tables()).leases).toEqual({});
  });

  it("no two claims get one job", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(Array.from({ length: 50 }, (_, i) => newJob(`job ${100 + i}`)));
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, i) => claimIds(bench.store, `${i}`, ["q"], { limit: 7 })),
    );
    expect(claims.flat().sort()).toEqual([...new Set(claims.flat())].sort());
    expect(claims.flat()).toHaveLength(50);
  });

  it("a claim carries all that its worker needs", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a", {
      ...{ task: "resize", priority: 3, maxAttempts: 7, parentId: "parent" },
      ...{ payload: '{"width":200}', options: '{"timeoutMs":5}', meta: '{"tenant":"x"}' },
    })]);
    expect((await claim(store, "mine")).jobs).toEqual([{
      ...{ id: "a", lease: "mine", task: "resize", queue: "q", priority: 3, attempt: 1 },
      ...{ maxAttempts: 7, runAtMs: clock.now(), createdAtMs: clock.now(), parentId: "parent" },
      ...{ payload: '{"width":200}', options: '{"timeoutMs":5}', meta: '{"tenant":"x"}' },
    }]);
  });

  it("a delayed job is claimed when its time has come and not a millisecond before", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a", { delayMs: 5_000 })]);
    expect(await claim(bench.store, "1")).toMatchObject({ jobs: [], nextDueMs: 5_000 });
    await bench.clock.advance(4_999);
    expect(await claim(bench.store, "2")).toMatchObject({ jobs: [], nextDueMs: 1 });
    await bench.clock.advance(1);
    const { jobs, ...rest } = await claim(bench.store, "3");
    expect(jobs.map(({ id }) => id)).toEqual(["a"]);
    expect(rest.nextDueMs).toBeUndefined();
  });

  it("due jobs are promoted by priority and not by the order of their times", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([
      newJob("a", { delayMs: 1_000 }),
      newJob("b", { delayMs: 2_000, priority: 1 }),
      newJob("c", { delayMs: 90_000, priority: 9 }),
    ]);
    await bench.clock.advance("1m");
    expect(await claimIds(bench.store, "1")).toEqual(["b", "a"]);
  });

  it("a paused queue gives no job until it is resumed", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue([newJob("a"), newJob("b", { queue: "other" })]);
    expect(await store.setPaused("q", true)).toBe(true);
    expect(await store.setPaused("q", true)).toBe(false);
    expect(await claimIds(store, "1", ["q", "other"])).toEqual(["b"]);
    expect(await store.glimpse(["q"])).toEqual({ available: false });
    expect((await store.stats()).queues.q).toMatchObject({ available: 1, paused: true });
    expect(await store.setPaused("q", false)).toBe(true);
    expect(await store.setPaused("q", false)).toBe(false);
    expect(await store.glimpse(["q"])).toEqual({ available: true });
    expect(await claimIds(store, "2", ["q"])).toEqual(["a"]);
  });

  it("resuming a queue that was never paused changes nothing that is claimed", async () => {
    await using bench = await openBench(place);
    await bench.store.setPaused("q", false);
    await bench.store.enqueue([newJob("a")]);
    expect(await claimIds(bench.store, "1")).toEqual(["a"]);
  });

  it("a glimpse sees work and the next due time without writing", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    expect(await store.glimpse(["q"])).toEqual({ available: false });
    await store.enqueue([newJob("a", { delayMs: 5_000 }), newJob("b", { queue: "other" })]);
    expect(await store.glimpse(["q"])).toEqual({ available: false, nextDueMs: 5_000 });
    expect(await store.glimpse(["q", "other"])).toMatchObject({ available: true });
    await clock.advance("10s");
    const before = await bench.tables();
    expect(await store.glimpse(["q"])).toEqual({ available: false, nextDueMs: 0 });
    expect(await bench.tables()).toEqual(before);
  });

  it("a glimpse finds no work in queues that are full, and says that they are limited", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.setLimit("q", 1);
    expect(await store.glimpse(["q", "other"])).toEqual({ available: false });
    await store.enqueue([newJob("a"), newJob("b")]);
    expect(await store.glimpse(["q", "other"])).toEqual({ available: true });
    await claim(store, "mine");
    expect(await store.glimpse(["q", "other"])).toEqual({ available: false, limited: true });
    await store.enqueue([newJob("c", { queue: "other" })]);
    expect(await store.glimpse(["q", "other"])).toMatchObject({ available: true });
  });

  it("a released job keeps its place and its attempts", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b"].map((id) => newJob(id)));
    await claim(bench.store, "1", ["q"], { limit: 1 });
    await bench.clock.advance("1m");
    await settle(bench.store, [settlement("a", "1", outcomes.release)], ["1"]);
    const { jobs } = await claim(bench.store, "2");
    expect(jobs.map(({ id, attempt }) => [id, attempt])).toEqual([["a", 1], ["b", 1]]);
  });
});
