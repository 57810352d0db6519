import { describe, expect, it } from "vitest";
import { defineTask, type Errand } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({
  name: "work",
  retry: { maxAttempts: 2, delay: 0 },
  run: ({ input, job, log }) => {
    log("line");
    if (input === "fails" || (input === "fails once" && job.attempt === 1)) throw new Error("no");
    return "result";
  },
});

const left = async (errand: Errand): Promise<unknown[]> =>
  (await errand.list({ order: "oldest" })).jobs.map(({ payload }) => payload);

describe("A4: retention", () => {
  it("of 0 removes a job as it ends, however it ends, and its log with it", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await testErrand({ url: `file:${path}`, tasks: [work], retention: 0 });
    const results: unknown[] = [];
    errand.on("completed", ({ result }) => results.push(result));
    await errand.enqueueMany(work, ["completes", "fails", "fails once"]);
    expect(await errand.worker().drain()).toMatchObject({ completed: 2, failed: 1, lost: 0 });
    expect(results).toEqual(["result", "result"]); // the only place where they can be had
    expect(await left(errand)).toEqual([]);
    using raw = openRaw(path);
    expect(raw.rows("SELECT count(*) FROM errand_log")).toEqual([[0]]);
    expect(await errand.stats()).toMatchObject({ completed: 0, failed: 0 });
  });

  it("of the job goes before the task's, and the task's before the Errand's", async () => {
    const brief = defineTask({ name: "brief", retention: "1m", run: () => {} });
    await using errand = await testErrand({ tasks: [work, brief], retention: "1h" });
    await errand.enqueue(work, "an hour");
    await errand.enqueue(brief, "a minute");
    await errand.enqueue(brief, "two minutes", { retention: "2m" });
    await errand.enqueue(brief, "for ever", { retention: "forever" });
    await errand.enqueue(brief, "not at all", { retention: 0 });
    await errand.worker().drain();
    const seen = [await left(errand)];
    for (const step of [59_999, 1, 60_000, 58 * 60_000, 90 * 86_400_000]) {
      await errand.clock.advance(step);
      await errand.worker().drain();
      seen.push(await left(errand));
    }
    expect(seen).toEqual([
      ["an hour", "a minute", "two minutes", "for ever"],
      ["an hour", "a minute", "two minutes", "for ever"],
      ["an hour", "two minutes", "for ever"],
      ["an hour", "for ever"],
      ["for ever"],
      ["for ever"],
    ]);
  });

  it("is by default a week", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work, "week");
    await errand.worker().drain();
    await errand.clock.advance(7 * 86_400_000 - 1);
    await errand.worker().drain();
    expect(await left(errand)).toEqual(["week"]);
    await errand.clock.advance(1);
    await errand.worker().drain();
    expect(await left(errand)).toEqual([]);
  });

  it("lets no live job go, however old it is", async () => {
    await using errand = await testErrand({ tasks: [work], retention: 0 });
    await errand.enqueue(work, "delayed", { delay: "30d" });
    await errand.clock.advance("29d");
    await errand.worker().drain();
    expect(await left(errand)).toEqual(["delayed"]);
  });
});
