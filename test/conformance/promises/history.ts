// What there was is found, and changed many at a time.
import { defineTask, type Job } from "../../../mod.ts";
import { equal, like, refused } from "../assert.ts";
import { open, type Promises } from "../place.ts";

const work = defineTask<{ width: number }>({
  name: "work",
  index: ["width"],
  retry: { maxAttempts: 1 },
  run: ({ input }) => {
    if (input.width > 2) throw new Error("too wide");
  },
});
const widths = [0, 1, 2, 3, 4].map((width) => ({ width }));
const payloads = (jobs: readonly Job[]): unknown[] =>
  jobs.map(({ payload }) => (payload as { width: number }).width);

export const history: Promises = {
  "pages neither repeat nor miss a job, whatever comes and goes": async (place) => {
    await using errand = await open(place);
    const jobs = await errand.enqueueMany(Array.from({ length: 7 }, (_, n) => ({
      ...{ task: "work", payload: { width: n } },
    })));
    const first = await errand.list({ limit: 3, order: "oldest" });
    await errand.remove(jobs[1]!.id);
    await errand.enqueue("work", { width: 7 });
    const second = await errand.list({ limit: 3, order: "oldest", cursor: first.cursor! });
    const third = await errand.list({ limit: 3, order: "oldest", cursor: second.cursor! });
    equal(payloads([...first.jobs, ...second.jobs, ...third.jobs]), [0, 1, 2, 3, 4, 5, 6, 7]);
    equal(third.cursor, undefined);
    equal(payloads((await errand.list({ limit: 2 })).jobs), [7, 6]);
  },

  "jobs are found by what they are": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const [parent] = await errand.enqueueMany(work, widths, { meta: { tenant: "acme" } });
    await errand.worker().drain();
    await errand.clock.advance("1h");
    const child = { parentId: parent!.id, queue: "b", meta: { tenant: "other" } };
    await errand.enqueue(work, { width: 9 }, child);
    const found = async (filter: Parameters<typeof errand.list>[0]) =>
      payloads((await errand.list({ ...filter, order: "oldest" })).jobs);
    equal(await found({ state: "failed" }), [3, 4]);
    equal(await found({ state: ["available", "failed"] }), [3, 4, 9]);
    equal(await found({ queue: "b" }), [9]);
    equal(await found({ parentId: parent!.id }), [9]);
    equal(await found({ meta: { tenant: "acme" }, state: "completed" }), [0, 1, 2]);
    equal(await found({ createdAfter: errand.clock.now() - 1 }), [9]);
    equal(await found({ task: "work", where: { width: 2 } }), [2]);
    equal(await found({ task: "nothing" }), []);
  },

  "verbs for many jobs change those that fit, and count them before": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    await errand.enqueueMany(work, widths);
    await errand.worker().drain();
    const filter = { state: "failed", task: "work" } as const;
    like(await errand.purge(filter, { dryRun: true }), { count: 2 });
    like(await errand.retryMany({ task: "work" }), { count: 2 });
    like(await errand.stats(), { available: 2, failed: 0, completed: 3 });
    like(await errand.cancelMany({ task: "work" }), { count: 2 });
    const { count, cursor } = await errand.purge({ task: "work" }, { limit: 3 });
    equal([count, typeof cursor], [3, "string"]);
    like(await errand.purge({ task: "work" }, { cursor: cursor! }), { count: 2 });
    await errand.enqueue(work, { width: 1 });
    like(await errand.removeMany({ all: true }), { count: 1 });
    equal((await errand.list()).jobs, []);
    await refused(() => errand.purge({}), "INVALID_INPUT");
  },

  "a clone is a new job like the old one": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const { id } = await errand.enqueue(work, { width: 1 }, { priority: 3, meta: { a: 1 } });
    await errand.worker().drain();
    const clone = await errand.clone(id, { queue: "b" });
    like(clone, { state: "available", payload: { width: 1 }, priority: 3, queue: "b" });
    like(clone, { meta: { a: 1 }, attempt: 0 });
    like(await errand.get(id), { state: "completed" });
  },
};
