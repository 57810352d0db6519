import { describe, expect, it } from "vitest";
import type { ListQuery } from "../../src/broker.ts";
import { JOB_STATES, type JobState } from "../../src/job.ts";
import type { Store } from "../../src/store/store.ts";
import {
  claim,
  listAll,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { openBench, places } from "../support/store.ts";

/** Ninety jobs made in one millisecond: of two queues, two tasks and every state. */
async function fill(store: Store): Promise<void> {
  const ids = Array.from({ length: 90 }, (_, i) => `job ${100 + i}`);
  await store.enqueue(ids.map((id, i) =>
    newJob(id, {
      queue: i % 2 === 0 ? "even" : "odd",
      task: i % 3 === 0 ? "third" : "other",
      parentId: i % 5 === 0 ? "parent" : null,
      delayMs: i % 6 === 0 ? 60_000 : 0,
    })
  ));
  const { jobs } = await claim(store, "mine", ["even", "odd"], { limit: 60 });
  const held = jobs.map(({ id, queue }) => ({ id, queue }));
  await settle(store, [
    ...held.slice(0, 15).map(({ id, queue }) =>
      settlement(id, "mine", outcomes.complete, { queue })
    ),
    ...held.slice(15, 30).map(({ id, queue }) => settlement(id, "mine", outcomes.fail, { queue })),
  ]);
  for (const { id } of held.slice(30, 45)) await store.cancel(id, rescueAll.retentions);
}

/** The ids of every page, one page after the other. */
async function pages(store: Store, query: ListQuery, limit: number): Promise<string[][]> {
  const all: string[][] = [];
  let after = query.after;
  do {
    const page = await store.list({ ...query, limit, after });
    all.push(page.jobs.map(({ id }) => id));
    after = page.cursor ?? null;
  } while (after !== null);
  return all;
}

const filters: readonly Partial<ListQuery>[] = [
  {},
  { queue: "even" },
  { task: "third" },
  { parentId: "parent" },
  { queue: "odd", task: "other", parentId: "parent" },
  { queue: "none" },
];
const stateFilters: readonly (readonly JobState[])[] = [
  [],
  ...JOB_STATES.map((state) => [state]),
  ["failed", "available"],
  JOB_STATES,
];
const orders = ["newest", "oldest"] as const;

describe.each(places)("in a store at %s", (place) => {
  it("every filter, order and page size finds each job that fits, once, in order", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await fill(store);
    const { jobs } = await store.list(listAll);
    expect(jobs).toHaveLength(90);
    expect(new Set(jobs.map(({ createdAt }) => createdAt.getTime())).size).toBe(1);
    for (const states of stateFilters) {
      for (const filter of filters) {
        const fitting = jobs.filter((job) =>
          (states.length === 0 || states.includes(job.state)) &&
          (filter.queue ?? job.queue) === job.queue && (filter.task ?? job.task) === job.task &&
          (filter.parentId ?? job.parentId) === job.parentId
        ).map(({ id }) => id);
        for (const order of orders) {
          const query = { ...listAll, ...filter, states, order };
          const found = await pages(store, query, 7);
          const wanted = order === "oldest" ? fitting : [...fitting].reverse();
          expect(found.flat(), JSON.stringify(query)).toEqual(wanted);
          expect(found.slice(0, -1).every((page) => page.length === 7)).toBe(true);
        }
      }
    }
  });

  it("the last page has no cursor, also when it is full", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    expect(await pages(bench.store, listAll, 2)).toEqual([["a", "b"], ["c", "d"]]);
    expect(await pages(bench.store, listAll, 4)).toEqual([["a", "b", "c", "d"]]);
  });

  it.each(orders)("by %s, pages lose and repeat nothing while jobs come and go", async (order) => {
    await using bench = await openBench(place);
    const { store } = bench;
    await fill(store);
    const before = (await store.list(listAll)).jobs.map(({ id }) => id);
    const seen: string[] = [];
    const gone = new Set<string>();
    let after: string | null = null;
    for (let page = 0;; page++) {
      const { jobs, cursor } = await store.list({ ...listAll, order, after, limit: 10 });
      seen.push(...jobs.map(({ id }) => id));
      if (cursor === undefined) break;
      after = cursor;
      // the job that the cursor names goes, one that was seen, and one that may not have been
      for (const id of [cursor, seen[0]!, before[45 + page]!]) {
        await store.cancel(id, rescueAll.retentions);
        if ((await store.remove(id)).changed) gone.add(id);
      }
      await store.enqueue([newJob(`an early one ${page}`), newJob(`the latest ${page}`)]);
    }
    expect(seen).toHaveLength(new Set(seen).size);
    expect(before.filter((id) => !gone.has(id) && !seen.includes(id))).toEqual([]);
  });

  it("a listed job reads like the one that is got", async () => {
    await using bench = await openBench(place);
    await fill(bench.store);
    for (const job of (await bench.store.list({ ...listAll, limit: 20 })).jobs) {
      expect(job).toEqual(await bench.store.get(job.id));
    }
  });

  it("stats count each state in all and by queue", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await fill(store);
    await store.setPaused("paused", true);
    const { jobs } = await store.list(listAll);
    const counts = (queue?: string) =>
      Object.fromEntries(JOB_STATES.map((state) => [
        state,
        jobs.filter((job) => job.state === state && (queue ?? job.queue) === job.queue).length,
      ]));
    const due = (queue: string) =>
      jobs.some((job) => job.state === "scheduled" && job.queue === queue)
        ? { nextRunAt: new Date(clock.now() + 60_000) }
        : {};
    const since = (queue: string) => {
      const waits = jobs.filter((job) => job.state === "available" && job.queue === queue);
      const times = waits.map(({ runAt }) => runAt.getTime());
      return times.length > 0 ? { availableSince: new Date(Math.min(...times)) } : {};
    };
    const times = (queue: string) => ({ ...due(queue), ...since(queue) });
    expect(await store.stats()).toEqual({
      ...counts(),
      queues: {
        even: { ...counts("even"), paused: false, ...times("even") },
        odd: { ...counts("odd"), paused: false, ...times("odd") },
        paused: { ...counts("paused"), paused: true, ...times("paused") },
      },
      nextRunAt: new Date(clock.now() + 60_000),
    });
  });

  it("stats of an empty store are zeros", async () => {
    await using bench = await openBench(place);
    const zeros = Object.fromEntries(JOB_STATES.map((state) => [state, 0]));
    expect(await bench.store.stats()).toEqual({ ...zeros, queues: {} });
  });

  it("a queue may have the name of anything that objects have", async () => {
    await using bench = await openBench(place);
    const names = ["__proto__", "constructor", "toString"];
    await bench.store.enqueue(names.map((queue) => newJob(queue, { queue })));
    const { queues } = await bench.store.stats();
    expect(Object.keys(queues).sort()).toEqual([...names].sort());
    for (const name of names) expect(queues[name]?.available).toBe(1);
  });
});
