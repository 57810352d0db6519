import { describe, expect, it } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { Store } from "../../src/store/store.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import { claim, claimIds, LEASE_MS, newJob, outcomes, rescueAll, settle } from "../support/jobs.ts";
import { settlement } from "../support/jobs.ts";
import { openBench, openDriver, places, recording } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

describe.each(places)("in a store at %s", (place) => {
  it("a lease is rescued when it has expired and not a millisecond before", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a")]);
    await claim(store, "mine");
    await clock.advance(LEASE_MS - 1);
    expect(await store.rescue(rescueAll)).toEqual({ jobs: [], nextExpiryMs: 1 });
    await clock.advance(1);
    expect((await store.rescue(rescueAll)).jobs).toHaveLength(1);
    expect(await store.rescue(rescueAll)).toEqual({ jobs: [] });
    expect(await claimIds(store, "next")).toEqual(["a"]);
  });

  it("a heartbeat saves a lease from its rescue", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a")]);
    await claim(store, "mine");
    await clock.advance(LEASE_MS - 1);
    await store.heartbeat({ leaseMs: LEASE_MS, leases: ["mine"], held: [] });
    await clock.advance(LEASE_MS - 1);
    expect(await store.rescue(rescueAll)).toEqual({ jobs: [], nextExpiryMs: 1 });
  });

  it("a rescue takes back what runs and leaves what has ended", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    await claim(store, "mine");
    await settle(store, [
      settlement("a", "mine", outcomes.complete),
      settlement("b", "mine", outcomes.retry),
    ]);
    await store.cancel("c", rescueAll.retentions);
    await clock.advance("1m");
    expect((await store.rescue(rescueAll)).jobs.map(({ id }) => id)).toEqual(["d"]);
    const states = ["a", "b", "c", "d"].map(async (id) => (await store.get(id))?.state);
    expect(await Promise.all(states))
      .toEqual(["completed", "scheduled", "cancelled", "available"]);
    expect((await bench.tables()).leases).toEqual({});
  });

  it("the attempts that a job may have decide, then its task's, then the default", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([
      newJob("own", { task: "t", maxAttempts: 1 }),
      newJob("own more", { task: "t", maxAttempts: 2 }),
      newJob("task's", { task: "once" }),
      newJob("default", { task: "t" }),
      newJob("never again", { task: "fails", maxAttempts: 9 }),
    ]);
    await claim(store, "mine");
    await clock.advance("1m");
    const tasks = {
      once: { maxAttempts: 1, fail: false },
      fails: { maxAttempts: 9, fail: true },
    };
    const { jobs } = await store.rescue({ ...rescueAll, tasks });
    expect(Object.fromEntries(jobs.map(({ id, state }) => [id, state]))).toEqual({
      ...{ own: "failed", "own more": "available", "task's": "failed" },
      ...{ default: "available", "never again": "failed" },
    });
    expect((await bench.tables()).tally).toEqual({ "q failed": 3 });
  });

  it("one rescue takes back a bounded number of leases and asks for the next at once", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    for (const lease of ["1", "2", "3"]) await claim(store, lease, ["q"], { limit: 1 });
    await clock.advance("1m");
    const first = await store.rescue({ ...rescueAll, limit: 2 });
    expect(first.jobs).toHaveLength(2);
    expect(first.nextExpiryMs).toBe(0);
    const second = await store.rescue({ ...rescueAll, limit: 2 });
    expect(second.jobs).toHaveLength(1);
    expect(second.nextExpiryMs).toBeUndefined();
  });

  it("two rescues at once take back each job once", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    await claim(store, "mine");
    await clock.advance("1m");
    const both = await Promise.all([store.rescue(rescueAll), store.rescue(rescueAll)]);
    expect(both.flatMap(({ jobs }) => jobs.map(({ id }) => id)).sort()).toEqual(["a", "b", "c"]);
    expect((await store.get("a"))?.errors).toHaveLength(1);
  });

  it("retry by hand gives back every attempt and can put the job off", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a", { maxAttempts: 1 })]);
    await claim(store, "mine");
    await settle(store, [settlement("a", "mine", outcomes.fail)]);
    const { job } = await store.retry("a", null, 5_000);
    expect(job).toMatchObject({ state: "scheduled", attempt: 0, maxAttempts: 1 });
    expect(job?.runAt.getTime()).toBe(clock.now() + 5_000);
    expect(job?.errors).toHaveLength(1);
    await store.cancel("a", rescueAll.retentions);
    expect((await store.retry("a", clock.now(), 0)).job?.state).toBe("available");
  });

  it("a heartbeat between the look of a rescue and its write saves the lease", async () => {
    await using dir = await tempDir();
    const driver = await openDriver(place, dir.file("errand.db"));
    await migrate(driver);
    const clock = new FakeClock();
    const worker = new Store(driver, clock);
    const rescuer = new Store({
      ...recording(driver, []),
      read: async (statements) => {
        const looked = await driver.read(statements);
        await worker.heartbeat({ leaseMs: LEASE_MS, leases: ["mine"], held: [] });
        return looked;
      },
    }, clock);
    await worker.enqueue([newJob("a")]);
    await claim(worker, "mine");
    await clock.advance(LEASE_MS);
    expect((await rescuer.rescue(rescueAll)).jobs).toEqual([]);
    expect((await worker.get("a"))?.state).toBe("running");
    await driver.close();
  });
});
