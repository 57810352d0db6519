// A17: waiting for several jobs at once. C8: no end is missed, and none waits for a timeout.
import { describe, expect, expectTypeOf, it } from "vitest";
import { defineTask, Errand, type Job } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { MAY_STALL } from "./support/stall.ts";
import { tempDir } from "./support/temp.ts";

const quick = defineTask({ name: "quick", run: () => ({ answer: 42 }) });
const word = defineTask<string, string, string>({ name: "word", run: ({ input }) => input });
const tasks = [quick, word];

describe("A17: wait for many", () => {
  it("resolves with all jobs in the order given, once the last has ended", async () => {
    await using errand = await testErrand({ tasks });
    const late = await errand.enqueue(word, "late", { delay: "1m" });
    const soon = await errand.enqueue(word, "soon");
    let settled = false;
    const waiting = errand.wait([late.id, soon.id, late.id]).finally(() => settled = true);
    await errand.worker().drain();
    await errand.clock.advance("30s");
    expect(settled).toBe(false);
    await errand.clock.advance("30s");
    await errand.worker().drain();
    expect((await waiting).map(({ result }) => result)).toEqual(["late", "soon", "late"]);
  });

  it("has the types of each job that it was given", async () => {
    await using errand = await testErrand({ tasks });
    const jobs = [await errand.enqueue(quick), await errand.enqueue(word, "a")] as const;
    await errand.worker().drain();
    const [first, second, third] = await errand.wait([...jobs, jobs[0].id]);
    expectTypeOf(first).toEqualTypeOf<Job<unknown, { answer: number }>>();
    expectTypeOf(second).toEqualTypeOf<Job<string, string>>();
    expectTypeOf(third).toEqualTypeOf<Job>();
    expectTypeOf(await errand.wait(await errand.enqueueMany(word, [])))
      .toEqualTypeOf<Job<string, string>[]>();
    expect([first.result?.answer, second.result, third.id]).toEqual([42, "a", first.id]);
  });

  it("ends for cancelled jobs, by one or by many", async () => {
    await using errand = await testErrand({ tasks });
    const jobs = await errand.enqueueMany(quick, [1, 2, 3]);
    const waiting = errand.wait(jobs);
    await errand.cancel(jobs[1]!.id);
    await errand.cancelMany({ all: true });
    expect(new Set((await waiting).map(({ state }) => state))).toEqual(new Set(["cancelled"]));
  });

  it("rejects with NOT_FOUND for the one that is removed, while others go on", async () => {
    await using errand = await testErrand({ tasks });
    const jobs = await errand.enqueueMany(quick, [1, 2, 3]);
    const rejected = expect(errand.wait(jobs)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `Cannot wait for job "${jobs[1]!.id}": there is no such job, or it was removed`,
    });
    await errand.remove(jobs[1]!.id);
    await rejected; // the clock stands still: no backstop helped
  });

  it("returns all as they are after the one timeout", async () => {
    await using errand = await testErrand({ tasks });
    const ended = await errand.enqueue(quick);
    const late = await errand.enqueue(quick, undefined, { delay: "1h" });
    const waiting = errand.wait([late, ended], { timeout: "30s" });
    await errand.worker().drain();
    await errand.clock.advance("30s");
    expect((await waiting).map(({ state }) => state)).toEqual(["scheduled", "completed"]);
  });

  it("rejects with the signal's reason", async () => {
    await using errand = await testErrand({ tasks });
    const jobs = await errand.enqueueMany(quick, [1, 2]);
    const controller = new AbortController();
    const { signal } = controller;
    const rejected = expect(errand.wait(jobs, { signal })).rejects.toThrow("enough");
    await errand.clock.advance(1);
    controller.abort(new Error("enough"));
    await rejected;
  });

  it("takes no jobs at all, and refuses what is none or too many", async () => {
    await using errand = await testErrand();
    expect(await errand.wait([])).toEqual([]);
    await expect(errand.wait(["a", 5 as never])).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: "Cannot wait for job 5: an id is the text that enqueue gave it",
    });
    await expect(errand.wait(Array<string>(10_001).fill("a"))).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: "Cannot wait for 10001 jobs: at most 10000 at once",
    });
  });

  it(
    "C8: hears soon of the last of 5,000 jobs of another Errand on the file",
    MAY_STALL,
    async () => {
      await using dir = await tempDir();
      const url = `file:${dir.file("errand.db")}`;
      await using first = await Errand.open({ url, tasks, synchronous: "normal" });
      await using second = await Errand.open({ url });
      const jobs = await first.enqueueMany(word, Array.from({ length: 5_000 }, (_, i) => `${i}`));
      const last = await first.enqueue(word, "last", { delay: "1h" });
      const waiting = second.wait([...jobs, last]);
      await first.worker({ concurrency: 100 }).drain();
      const startMs = performance.now();
      await first.cancel(last.id);
      const ended = await waiting;
      expect(performance.now() - startMs).toBeLessThan(1_500); // the backstop looks after 2 s
      expect(ended.slice(0, -1).map(({ result }) => result)).toEqual(
        jobs.map((job) => job.payload),
      );
      expect(ended.at(-1)!.state).toBe("cancelled");
    },
  );
});
