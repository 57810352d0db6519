import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type Job } from "../../mod.ts";
import { errandAt } from "../support/place.ts";
import { places } from "../support/store.ts";

const input = v.object({ n: v.number() });
const work = defineTask({
  ...{ name: "work", input, retry: { maxAttempts: 1 } },
  run: ({ input }) => {
    if (input.n < 0) throw new Error("no");
    return input.n;
  },
});
const tasks = [work];

const own = ({ task, queue, priority, payload, meta, parentId, maxAttempts }: Job) => ({
  ...{ task, queue, priority, payload, meta, parentId, maxAttempts },
});

describe.each(places)("in a store at %s", (place) => {
  it("A20: a clone has all that its original was given, and a life of its own", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const parent = await errand.enqueue(work, { n: 0 }, { delay: "1h" });
    const original = await errand.enqueue(work, { n: -1 }, {
      ...{ queue: "q", priority: 7, parentId: parent.id, meta: { tenant: "a" } },
      ...{ retry: { maxAttempts: 2, delay: 0, jitter: 0 }, timeout: "5s", retention: "1h" },
    });
    await errand.worker({ queues: ["q"] }).drain();
    await errand.clock.advance("1m");
    const before = await errand.get(original.id);
    expect(before).toMatchObject({ state: "failed", attempt: 2 });
    const clone = await errand.clone(original.id);
    expect(own(clone)).toEqual(own(before!));
    expect(clone).toMatchObject({ state: "available", attempt: 0, errors: [] });
    expect(clone.id > original.id).toBe(true);
    expect(clone.runAt.getTime()).toBe(errand.clock.now());
    expect({ ...await errand.get(clone.id), enqueued: "inserted" }).toEqual(clone);
    expect(await errand.get(original.id)).toEqual(before);
    await errand.worker({ queues: ["q"] }).drain();
    expect(await errand.get(clone.id)).toMatchObject({ state: "failed", attempt: 2 });
    await errand.clock.advance("1h"); // its own retention
    await errand.worker().drain();
    expect(await errand.get(clone.id)).toBeUndefined();
  });

  it("overrides go before what the original was enqueued with", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const original = await errand.enqueue(work, { n: 1 }, {
      ...{ queue: "q", priority: 7, meta: { a: 1 }, retention: "forever" },
      retry: { maxAttempts: 4, delay: "9s" },
    });
    const clone = await errand.clone(original.id, {
      ...{ payload: { n: 2 }, queue: "other", priority: 0, meta: { b: 2 }, delay: "1m" },
      ...{ retention: 0, retry: { maxAttempts: 9 } },
    });
    expect(own(clone)).toMatchObject({
      ...{ task: "work", queue: "other", priority: 0, payload: { n: 2 }, meta: { b: 2 } },
      maxAttempts: 9,
    });
    expect(clone).toMatchObject({
      state: "scheduled",
      runAt: new Date(errand.clock.now() + 60_000),
    });
    await errand.clock.advance("1m");
    await errand.worker({ queues: ["other"] }).drain();
    expect(await errand.get(clone.id)).toBeUndefined();
  });

  it("a clone of a clone is like the original, and a running job has a clone too", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const original = await errand.enqueue(work, { n: 1 }, { meta: { a: [1, { b: null }] } });
    const second = await errand.clone((await errand.clone(original.id)).id);
    expect(own(second)).toEqual(own(original));
  });

  it("an unusable clone is refused, and nothing is added", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const { id } = await errand.enqueue(work, { n: 1 });
    await expect(errand.clone("gone")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `Cannot clone job "gone": there is no such job, or it was removed`,
    });
    const bad = [{ payload: { n: "x" } }, { delay: "soon" }, { delay: 1, runAt: 1 }, null];
    for (const overrides of bad) {
      await expect(errand.clone(id, overrides as never)).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    }
    expect((await errand.list()).jobs).toHaveLength(1);
  });

  it("a clone of a schedule's job is not an occurrence of that schedule", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    await errand.schedules.upsert("s", { task: work, payload: { n: 1 }, every: "1h" });
    await errand.worker().drain();
    const [job] = (await errand.list()).jobs;
    expect(job?.schedule).toMatchObject({ name: "s" });
    expect((await errand.clone(job!.id)).schedule).toBeUndefined();
    expect((await errand.list({ limit: 1 })).jobs[0]?.schedule).toBeUndefined();
  });
});
