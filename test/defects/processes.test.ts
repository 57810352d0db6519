// Section C of what other small queues got wrong: the defects that need several processes.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import type { Runtime } from "../../scripts/runtimes.ts";
import { crewUrl, startCrew } from "../support/crew.ts";
import { needRuntimes } from "../support/need.ts";
import { tempDir } from "../support/temp.ts";

const LONG_MS = 60_000;

describe.runIf(needRuntimes("node", "bun", "deno"))("what was wrong between processes", () => {
  it.each<{ jobs: number; runtimes: readonly Runtime[] }>([
    { jobs: 500, runtimes: ["node", "bun", "deno", "node"] },
    { jobs: 300, runtimes: ["bun", "deno"] },
    { jobs: 100, runtimes: ["node", "deno"] },
  ])("C1: $runtimes.length processes run $jobs jobs $jobs times", async ({ jobs, runtimes }) => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: crewUrl(dir) });
    await using crew = await startCrew(dir, runtimes, LONG_MS);
    await errand.enqueueMany(Array.from({ length: jobs }, () => ({ task: "mark", payload: {} })));
    await expect.poll(async () => (await errand.stats()).completed).toBe(jobs);
    const runs = [...(await crew.log()).values()];
    const starts = runs.flat().filter(({ event }) => event === "start");
    expect([runs.length, starts.length]).toEqual([jobs, jobs]);
    if (jobs === 500) expect(new Set(starts.map(({ pid }) => pid)).size).toBeGreaterThan(1);
  });

  it("C1: two workers, one after the other, run 60 jobs 60 times", async () => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: crewUrl(dir) });
    await errand.enqueueMany(Array.from({ length: 60 }, () => ({ task: "mark", payload: {} })));
    await using first = await startCrew(dir, ["bun"], LONG_MS);
    await expect.poll(async () => (await errand.stats()).completed).toBeGreaterThan(0);
    await first.stop(first.all[0]!);
    await using second = await startCrew(dir, ["deno"], LONG_MS);
    await expect.poll(async () => (await errand.stats()).completed).toBe(60);
    const starts = [...(await second.log()).values()].flat()
      .filter(({ event }) => event === "start");
    expect(starts).toHaveLength(60);
  });

  it("C2: a killed worker blocks neither the queue nor a drain, and its job is done", async () => {
    await using dir = await tempDir();
    const mark = defineTask({ name: "mark", run: () => "done here" });
    await using errand = await Errand.open({ url: crewUrl(dir), tasks: [mark] });
    const stuck = await errand.enqueue(mark, { hangsFirst: true });
    await using crew = await startCrew(dir, ["bun"], 3_000);
    await expect.poll(async () => (await errand.get(stuck.id))?.state).toBe("running");
    await crew.all[0]!.kill();
    await errand.enqueue(mark);
    const drained = await errand.worker().drain();
    expect(drained).toMatchObject({ ended: "empty", completed: 1, remaining: { running: 1 } });
    const drain = async (): Promise<number> => (await errand.worker().drain()).completed;
    await expect.poll(drain).toBe(1); // once the lease has expired
    expect(await errand.get(stuck.id)).toMatchObject({
      state: "completed",
      attempt: 2,
      error: { code: "LEASE_EXPIRED", attempt: 1 },
      result: "done here",
    });
  });

  it("C3: a killed worker strands what it held, not the backlog", async () => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: crewUrl(dir) });
    await errand.enqueueMany(
      Array.from({ length: 10_000 }, (_, n) => ({
        task: "mark",
        payload: { hangsFirst: n >= 100 },
      })),
    );
    await using crew = await startCrew(dir, ["node"], LONG_MS);
    await expect.poll(async () => (await errand.stats()).completed).toBe(100);
    await crew.all[0]!.kill();
    const { running, available } = await errand.stats();
    expect(running).toBeLessThanOrEqual(8 + 100); // its slots and its prefetch
    expect(available).toBe(10_000 - 100 - running);
  });
});
