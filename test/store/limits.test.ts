// How many jobs of a queue run at once, over all workers of the database.
import { describe, expect, it } from "vitest";
import {
  claim,
  claimIds,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `job ${i}`);

async function enqueue({ store }: Bench, count: number): Promise<void> {
  await store.enqueue(ids(count).map((id) => newJob(id)));
}

describe.each(places)("in a store at %s", (place) => {
  it("no more jobs of a limited queue are claimed than there is room for", async () => {
    await using bench = await openBench(place);
    await bench.store.setLimit("q", 3);
    await enqueue(bench, 5);
    expect(await claimIds(bench.store, "first", ["q"], { limit: 2 })).toEqual(["job 0", "job 1"]);
    expect(await claimIds(bench.store, "second")).toEqual(["job 2"]);
    expect(await claimIds(bench.store, "third")).toEqual([]);
    expect((await bench.tables()).leases).not.toHaveProperty("third");
  });

  it("an outcome makes room for the claim that comes with it", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.setLimit("q", 1);
    await enqueue(bench, 2);
    await claim(store, "first");
    const claimed = await store.exchange({
      worker: "w",
      settlements: [settlement("job 0", "first", outcomes.complete)],
      closedLeases: ["first"],
      claim: { lease: "next", leaseMs: LEASE_MS, limit: 9, queues: [{ queue: "q", limit: 9 }] },
    });
    expect(claimed.jobs.map(({ id }) => id)).toEqual(["job 1"]);
  });

  it("a job that is put back, cancelled or rescued makes room", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.setLimit("q", 1);
    await enqueue(bench, 3);
    expect(await claimIds(store, "one")).toEqual(["job 0"]);
    await settle(store, [settlement("job 0", "one", outcomes.snooze)]);
    expect(await claimIds(store, "two")).toEqual(["job 1"]);
    await store.cancel("job 1", rescueAll.retentions);
    expect(await claimIds(store, "three")).toEqual(["job 2"]);
    await clock.advance(LEASE_MS);
    expect(await claimIds(store, "four")).toEqual([]);
    await store.rescue(rescueAll);
    expect(await claimIds(store, "five")).toHaveLength(1);
  });

  it("a limit below what runs lets it go on, and nothing new begin", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await enqueue(bench, 4);
    expect(await claimIds(store, "first", ["q"], { limit: 3 })).toHaveLength(3);
    await store.setLimit("q", 1);
    await settle(store, [settlement("job 0", "first", outcomes.complete)]);
    expect(await claimIds(store, "second")).toEqual([]);
    await store.setLimit("q", null);
    expect(await claimIds(store, "third")).toEqual(["job 3"]);
  });

  it("other queues of the same claim are not held up", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.setLimit("q", 1);
    await store.enqueue([
      newJob("a"),
      newJob("b"),
      newJob("c", { queue: "r" }),
      newJob("d", { queue: "r" }),
    ]);
    expect(await claimIds(store, "mine", ["q", "r"])).toEqual(["a", "c", "d"]);
  });

  it("a repeated claim under a limit answers the same jobs", async () => {
    await using bench = await openBench(place);
    await bench.store.setLimit("q", 2);
    await enqueue(bench, 4);
    const first = await claimIds(bench.store, "mine");
    expect(await claimIds(bench.store, "mine")).toEqual(first);
    expect(first).toHaveLength(2);
  });

  it("a look tells of a full queue that it is limited, and of no work in it", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await enqueue(bench, 2);
    expect(await store.glimpse(["q"])).toEqual({ available: true });
    await store.setLimit("q", 1);
    expect(await store.glimpse(["q"])).toEqual({ available: true });
    expect(await claim(store, "mine")).toMatchObject({ limited: true });
    expect(await store.glimpse(["q"])).toEqual({ available: false, limited: true });
    const look = { queues: ["q", "r"], most: 10, promote: false };
    expect(await store.api.waiting(look))
      .toEqual({ jobs: new Map([["q", 0], ["r", 0]]), limited: true });
    await store.setLimit("q", 5);
    expect((await store.api.waiting(look)).jobs.get("q")).toBe(1);
    await store.setPaused("q", true);
    expect((await store.api.waiting(look)).jobs.get("q")).toBe(0);
  });

  it("a run does not wait for the jobs of a full queue, which end elsewhere", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.setLimit("q", 1);
    await enqueue(bench, 2);
    await claim(store, "elsewhere");
    await store.marks.take("run", "me", 1_000);
    const release = { name: "run", holder: "me", queues: ["q"], later: false };
    expect(await store.marks.releaseIdle(release)).toBe(true);
    await store.marks.take("run", "me", 1_000);
    await store.setLimit("q", 2);
    expect(await store.marks.releaseIdle(release)).toBe(false);
  });

  it("limits are listed, also of queues that are not paused and hold nothing", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.setLimit("q", 7);
    await store.setPaused("r", true);
    const { queues } = await store.stats();
    expect(queues.q).toMatchObject({ limit: 7, paused: false });
    expect(queues.r).not.toHaveProperty("limit");
    await store.setLimit("q", null);
    expect((await store.stats()).queues).not.toHaveProperty("q");
  });
});
