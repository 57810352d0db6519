// One janitor at a time: a mark in the database says who prunes.
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { Store } from "../../src/store/store.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { newJob, rescueAll } from "../support/jobs.ts";
import { type Bench, openBench, openDriver, places } from "../support/store.ts";

async function cancelled(store: Store, ids: readonly string[]): Promise<void> {
  await store.enqueue(ids.map((id) => newJob(id)));
  for (const id of ids) await store.cancel(id, { ...rescueAll.retentions, defaultMs: 1_000 });
}

const left = async ({ rows }: Bench): Promise<unknown[]> =>
  (await rows("SELECT id FROM errand_job ORDER BY id")).flat();

describe.each(["file", "client"] as const)("with two stores on one %s", (place) => {
  it("A19: only one prunes at a time, and the other takes over when it has vanished", async () => {
    await using bench = await openBench(place);
    const driver = await openDriver(place, bench.path);
    const second = new Store(driver, bench.clock);
    const { store, clock } = bench;
    await cancelled(store, ["a", "b", "c", "d"]);
    await clock.advance("1s");
    expect(await store.prune("", 1)).toEqual({ removed: 1, cursor: "a" });
    expect(await second.prune("", 2)).toEqual({ removed: 0, cursor: "" }); // looks again later
    expect(await left(bench)).toEqual(["b", "c", "d"]);
    await clock.advance("9s");
    expect(await store.prune("", 1)).toEqual({ removed: 1, cursor: "b" }); // and stays the one
    await clock.advance("9999ms");
    expect(await second.prune("", 100)).toEqual({ removed: 0, cursor: "" });
    await clock.advance(1);
    expect(await second.prune("", 100)).toEqual({ removed: 2, cursor: "" });
    expect(await left(bench)).toEqual([]);
    expect((await store.stats()).cancelled).toBe(0);
    await driver.close();
  });

  it("rescue stays with everyone", async () => {
    await using bench = await openBench(place);
    const driver = await openDriver(place, bench.path);
    const second = new Store(driver, bench.clock);
    await cancelled(bench.store, ["a"]);
    await bench.store.enqueue([newJob("b")]);
    await bench.store.exchange({
      ...{ worker: "w", settlements: [], closedLeases: [] },
      claim: { lease: "l", leaseMs: 1_000, limit: 1, queues: [{ queue: "q", limit: 1 }] },
    });
    await bench.clock.advance("1s");
    await bench.store.prune("", 100);
    expect((await second.rescue(rescueAll)).jobs).toMatchObject([{ id: "b" }]);
    await driver.close();
  });
});

describe.each(places)("in a store at %s", (place) => {
  it("pruning writes nothing where there is nothing to remove", async () => {
    await using bench = await openBench(place);
    await cancelled(bench.store, ["a"]);
    bench.statements.length = 0;
    await bench.store.prune("", 100);
    expect(bench.statements.map(({ sql }) => sql.trim().split(" ")[0])).toEqual(["SELECT"]);
    expect(await bench.rows("SELECT * FROM errand_mark")).toEqual([]);
  });
});

const work = defineTask({ name: "work", run: () => {} });

describe("C14: retention", () => {
  it("is installed without a word: a week, and nothing goes before", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work);
    await errand.worker().drain();
    const seen: number[] = [];
    for (const step of ["6d", "23h", "59m", "1m"] as const) {
      await errand.clock.advance(step);
      await errand.worker().drain();
      seen.push((await errand.list()).jobs.length);
    }
    expect(seen).toEqual([1, 1, 1, 0]);
  });

  it("of less than a day removes what is older than that, and nothing else", async () => {
    await using errand = await testErrand({ tasks: [work], retention: "90m" });
    for (let hour = 0; hour < 4; hour++) {
      await errand.enqueue(work, hour);
      await errand.worker().drain();
      await errand.clock.advance("1h");
    }
    await errand.enqueue(work, "waits", { delay: "1d" });
    await errand.worker().drain();
    const { jobs } = await errand.list({ order: "oldest" });
    expect(jobs.map(({ payload }) => payload)).toEqual([3, "waits"]);
  });
});
