// Marks: one holder at a time, and none given up while there is something to do.
import { describe, expect, it } from "vitest";
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

const MARK = "worker default";

/** What keeps a single worker from giving its mark up, by how it drains: all that lives, or due. */
const states: readonly {
  readonly state: string;
  readonly make: (bench: Bench) => Promise<unknown>;
  readonly keeps: { readonly later: boolean; readonly due: boolean };
}[] = [
  { state: "none", make: async () => {}, keeps: { later: false, due: false } },
  {
    state: "available",
    make: ({ store }) => store.enqueue([newJob("a")]),
    keeps: { later: true, due: true },
  },
  {
    state: "scheduled",
    make: ({ store }) => store.enqueue([newJob("a", { delayMs: 60_000 })]),
    keeps: { later: true, due: false },
  },
  {
    state: "scheduled and due",
    make: async ({ store, clock }) => {
      await store.enqueue([newJob("a", { delayMs: 1_000 })]);
      await clock.advance("1s");
    },
    keeps: { later: true, due: true },
  },
  {
    state: "running",
    make: async ({ store }) => {
      await store.enqueue([newJob("a")]);
      await claim(store, "l");
    },
    keeps: { later: true, due: false },
  },
  {
    state: "completed",
    make: async ({ store }) => {
      await store.enqueue([newJob("a")]);
      await claim(store, "l");
      await settle(store, [settlement("a", "l", outcomes.complete)], ["l"]);
    },
    keeps: { later: false, due: false },
  },
  {
    state: "cancelled",
    make: async ({ store }) => {
      await store.enqueue([newJob("a")]);
      await store.cancel("a", rescueAll.retentions);
    },
    keeps: { later: false, due: false },
  },
  {
    state: "available in a paused queue",
    make: async ({ store }) => {
      await store.enqueue([newJob("a")]);
      await store.setPaused("q", true);
    },
    keeps: { later: false, due: false },
  },
  {
    state: "available in another queue",
    make: ({ store }) => store.enqueue([newJob("a", { queue: "other" })]),
    keeps: { later: false, due: false },
  },
];

describe.each(places)("a mark in a store at %s", (place) => {
  it("is one holder's until it expires or is given up", async () => {
    await using bench = await openBench(place);
    const { store: { marks }, clock } = bench;
    expect(await marks.held(MARK)).toBe(false);
    expect(await marks.take(MARK, "a", LEASE_MS)).toBe(true);
    expect(await marks.take(MARK, "a", LEASE_MS), "again, by the same").toBe(true);
    expect(await marks.take(MARK, "b", LEASE_MS)).toBe(false);
    expect(await marks.take("another", "b", LEASE_MS)).toBe(true);
    await clock.advance(LEASE_MS - 1);
    expect([await marks.held(MARK), await marks.take(MARK, "b", LEASE_MS)]).toEqual([true, false]);
    expect(await marks.prolong(MARK, "a", LEASE_MS)).toBe(true);
    expect(await marks.prolong(MARK, "b", LEASE_MS)).toBe(false);
    await clock.advance(LEASE_MS);
    expect(await marks.held(MARK)).toBe(false);
    expect(await marks.take(MARK, "b", LEASE_MS)).toBe(true);
    expect(await marks.prolong(MARK, "a", LEASE_MS)).toBe(false);
    await marks.release(MARK, "a"); // which has lost it
    expect(await marks.held(MARK)).toBe(true);
    await marks.release(MARK, "b");
    expect(await marks.held(MARK)).toBe(false);
    expect(await marks.prolong(MARK, "b", LEASE_MS), "what is given up stays so").toBe(false);
  });

  it("that is taken once goes with later ones when it has expired, and no other does", async () => {
    await using bench = await openBench(place);
    const { store: { marks }, clock } = bench;
    await marks.take(MARK, "a", LEASE_MS);
    const all = Array.from({ length: 30 }, (_, n) => `once:${n + 10}`);
    for (const name of all) await marks.take(name, "a", LEASE_MS);
    await marks.take("once:20", "a", 3 * LEASE_MS);
    await clock.advance(LEASE_MS);
    await marks.take("once:", "b", LEASE_MS);
    const left = await bench.rows("SELECT name FROM errand_mark ORDER BY name");
    const kept = [MARK, "once:", "once:20", ...all.slice(20)].sort();
    expect(left.map(([name]) => name)).toEqual(kept);
  });

  it.each(states)("is given up by who drains with a job that is $state: $keeps", async (of) => {
    await using bench = await openBench(place);
    const { marks } = bench.store;
    await of.make(bench);
    for (const [later, keeps] of [[true, of.keeps.later], [false, of.keeps.due]] as const) {
      await marks.take(MARK, "a", LEASE_MS);
      const release = { name: MARK, queues: ["p", "q"], later };
      expect(await marks.releaseIdle({ ...release, holder: "b" }), "it is not b's").toBe(true);
      expect(await marks.held(MARK)).toBe(true);
      expect(await marks.releaseIdle({ ...release, holder: "a" })).toBe(!keeps);
      expect(await marks.held(MARK)).toBe(keeps);
      expect(await marks.releaseIdle({ ...release, holder: "a" }), "sent again").toBe(!keeps);
    }
  });
});
