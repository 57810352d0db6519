// Unique jobs: every scope from every starting state under every policy, and who holds a key.
import { describe, expect, it } from "vitest";
import type { NewJob } from "../../src/job-terms.ts";
import { canonicalJson, type UniqueConflict, type UniqueScope } from "../../src/unique.ts";
import {
  claim,
  claimIds,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
  uniqueJob,
  WINDOW_MS,
} from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

/** How the job that is there first comes to be in each state. */
const states = {
  scheduled: async ({ store }, scope) => {
    await store.enqueue([uniqueJob("first", { scope, delayMs: 5_000 })]);
  },
  available: async ({ store }, scope) => {
    await store.enqueue([uniqueJob("first", { scope })]);
  },
  running: async (bench, scope) => {
    await states.available(bench, scope);
    await claim(bench.store, "mine");
  },
  retrying: async (bench, scope) => {
    await states.running(bench, scope);
    await settle(bench.store, [settlement("first", "mine", outcomes.retry)], ["mine"]);
  },
  released: async (bench, scope) => {
    await states.running(bench, scope);
    await settle(bench.store, [settlement("first", "mine", outcomes.release)], ["mine"]);
  },
  completed: async (bench, scope) => {
    await states.running(bench, scope);
    await settle(bench.store, [settlement("first", "mine", outcomes.complete)], ["mine"]);
  },
  failed: async (bench, scope) => {
    await states.running(bench, scope);
    await settle(bench.store, [settlement("first", "mine", outcomes.fail)], ["mine"]);
  },
  cancelled: async (bench, scope) => {
    await states.available(bench, scope);
    await bench.store.cancel("first", rescueAll.retentions);
  },
  removed: async (bench, scope) => {
    await states.available(bench, scope);
    await bench.store.remove("first");
  },
} satisfies Record<string, (bench: Bench, scope: UniqueScope) => Promise<void>>;

type Start = keyof typeof states;

/** In which states the first job keeps another away. */
const holds: Readonly<Record<UniqueScope, readonly Start[]>> = {
  waiting: ["scheduled", "available"],
  live: ["scheduled", "available", "running", "retrying", "released"],
  window: ["scheduled", "available", "running", "retrying", "released"]
    .concat(["completed", "failed", "cancelled"]) as Start[],
};
const WAITS: readonly Start[] = ["scheduled", "available", "retrying", "released"];

const cases = (["waiting", "live", "window"] as const).flatMap((scope) =>
  (["ignore", "replace", "reschedule"] as const).flatMap((onConflict) =>
    (Object.keys(states) as Start[]).map((start) => ({ scope, onConflict, start }))
  )
);

describe.each(places)("in a store at %s", (place) => {
  it.each(cases)(
    "$onConflict meets a job of scope $scope that is $start",
    async ({ scope, onConflict, start }) => {
      await using bench = await openBench(place);
      const { store, clock } = bench;
      await states[start](bench, scope);
      await clock.advance(1_000);
      const before = await bench.tables();
      const next = uniqueJob("second", { scope, onConflict, delayMs: 30_000 });
      const { duplicates } = await store.enqueue([next]);
      const { first, second } = (await bench.tables()).jobs;
      if (!holds[scope].includes(start)) {
        expect([...duplicates!.keys()]).toEqual([]);
        expect(second).toMatchObject({ state: "scheduled", payload: next.payload });
        expect(first).toEqual(before.jobs.first);
        return;
      }
      expect(second).toBeUndefined();
      expect([...duplicates!]).toEqual([["second", await store.get("first")]]);
      const touched = WAITS.includes(start) ? touch(onConflict, next, clock.now()) : {};
      expect(first).toEqual({ ...before.jobs.first, ...touched });
    },
  );

  it("a repeated enqueue finds its own job and changes nothing, whatever its policy", async () => {
    for (const onConflict of ["ignore", "replace", "reschedule"] as const) {
      for (const scope of ["waiting", "live", "window"] as const) {
        await using bench = await openBench(place);
        const jobs = [
          uniqueJob("a", { scope, onConflict, delayMs: 3_000 }),
          uniqueJob("b", { scope, onConflict, key: "other" }),
        ];
        const first = await bench.store.enqueue(jobs);
        expect(first.duplicates!.size).toBe(0);
        await claim(bench.store, "mine");
        const before = await bench.tables();
        await bench.clock.advance(500);
        expect(await bench.store.enqueue(jobs)).toEqual(first);
        expect(await bench.tables()).toEqual(before);
      }
    }
  });

  it("duplicates inside one call meet the first of them", async () => {
    await using bench = await openBench(place);
    const { duplicates } = await bench.store.enqueue([
      newJob("plain"),
      uniqueJob("a"),
      uniqueJob("b"),
      uniqueJob("c", { key: "other" }),
      uniqueJob("d", { onConflict: "replace" }),
      newJob("plain too"),
    ]);
    expect([...duplicates!.keys()].sort()).toEqual(["b", "d"]);
    expect(duplicates!.get("b")).toEqual(await bench.store.get("a"));
    expect((await bench.store.get("a"))?.payload).toBe("payload of d");
    expect(Object.keys((await bench.tables()).jobs)).toEqual(["a", "c", "plain", "plain too"]);
  });

  it("a window ends by time, to the millisecond, whatever has become of its job", async () => {
    for (const start of ["scheduled", "running", "completed"] as const) {
      await using bench = await openBench(place);
      await states[start](bench, "window");
      await bench.clock.advance(WINDOW_MS - 1);
      const early = await bench.store.enqueue([uniqueJob("early", { scope: "window" })]);
      expect([...early.duplicates!.keys()], start).toEqual(["early"]);
      await bench.clock.advance(1);
      const late = await bench.store.enqueue([uniqueJob("late", { scope: "window" })]);
      expect(late.duplicates!.size, start).toBe(0);
    }
  });

  it("jobs of different scopes do not keep each other away", async () => {
    await using bench = await openBench(place);
    for (const scope of ["waiting", "live", "window"] as const) {
      const { duplicates } = await bench.store.enqueue([uniqueJob(scope, { scope })]);
      expect(duplicates!.size).toBe(0);
    }
  });

  it("a job taken back from a vanished worker keeps its key unless its scope is over", async () => {
    for (const [scope, kept] of [["waiting", 0], ["live", 1], ["window", 1]] as const) {
      await using bench = await openBench(place);
      const { store, clock } = bench;
      await store.enqueue([uniqueJob("first", { scope })]);
      await claim(store, "mine", ["q"], { leaseMs: 10 });
      await clock.advance(20);
      await store.rescue(rescueAll);
      const { duplicates } = await store.enqueue([uniqueJob("second", { scope })]);
      expect(duplicates!.size, scope).toBe(kept);
    }
  });

  it("jobs of one key that run at once all go back to waiting without a conflict", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    for (const id of ["a", "b"]) {
      await store.enqueue([uniqueJob(id, { scope: "waiting" })]);
      expect(await claimIds(store, `lease of ${id}`)).toEqual([id]);
    }
    await store.enqueue([uniqueJob("c", { scope: "waiting" })]);
    const back = (id: string) => settlement(id, `lease of ${id}`, outcomes.release);
    expect((await settle(store, [back("a"), back("b")])).lost.size).toBe(0);
    await claim(store, "all", ["q"], { leaseMs: 10 });
    await clock.advance(20);
    expect((await store.rescue(rescueAll)).jobs).toHaveLength(3);
  });

  it("an ended job comes to life with its key, unless another holds it by then", async () => {
    for (const scope of ["waiting", "live", "window"] as const) {
      await using bench = await openBench(place);
      const { store } = bench;
      await states.completed(bench, scope);
      await bench.clock.advance(WINDOW_MS);
      const { duplicates } = await store.enqueue([uniqueJob("second", { scope })]);
      expect(duplicates!.size).toBe(0);
      expect((await store.retry("first", null, 0)).changed).toBe(true);
      await store.cancel("second", rescueAll.retentions);
      await store.remove("second");
      expect((await store.enqueue([uniqueJob("third", { scope })])).duplicates!.size).toBe(0);
      await store.cancel("third", rescueAll.retentions);
      await store.remove("third");
      await store.enqueue([uniqueJob("fourth", { scope })]);
      await store.cancel("fourth", rescueAll.retentions);
      await store.retry("fourth", null, 0);
      const { duplicates: found } = await store.enqueue([uniqueJob("fifth", { scope })]);
      expect([...found!.values()].map(({ id }) => id), scope).toEqual(["fourth"]);
    }
  });

  it("plain jobs hold no key, and are written by the statement that they always had", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a"), newJob("b")]);
    expect(bench.statements.filter(({ sql }) => /unique/.test(sql))).toEqual([]);
    const [held] = await bench.rows(
      "SELECT count(unique_key) + count(unique_scope) + count(unique_until) FROM errand_job",
    );
    expect(held).toEqual([0]);
  });

  it("there can be no second holder of a key, not even by hand", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([uniqueJob("a"), newJob("b")]);
    const before = await bench.tables();
    const forbidden = [
      "unique_key = 'k', unique_scope = 'live'",
      "unique_scope = 'live'",
      "unique_key = 'x', unique_scope = 'window'",
      "unique_key = 'x', unique_scope = 'live', unique_until = 1",
      "unique_key = 'x', unique_scope = 'for ever'",
    ];
    for (const change of forbidden) {
      await expect(bench.write(`UPDATE errand_job SET ${change} WHERE id = 'b'`), change)
        .rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    }
    expect(await bench.tables()).toEqual(before);
  });
});

function touch(onConflict: UniqueConflict, next: NewJob, now: number): Record<string, unknown> {
  switch (onConflict) {
    case "ignore":
      return {};
    case "replace":
      return { payload: canonicalJson(JSON.parse(next.payload)) };
    case "reschedule":
      return { run_at: now + next.terms.delayMs, state: "scheduled" };
  }
}
