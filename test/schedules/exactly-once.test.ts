// A16: each occurrence is enqueued once, whoever looks.
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type ScheduleOptions } from "../../mod.ts";
import type { Runtime } from "../../scripts/runtimes.ts";
import { needRuntimes } from "../support/need.ts";
import { spawnTs } from "../support/spawn.ts";
import { tempDir } from "../support/temp.ts";

/** A fast series of which every occurrence counts. */
const TICKS: ScheduleOptions = {
  ...{ task: "tick", every: 25, allowFast: true, catchUp: "all", maxRuns: 120 },
};
const tick = defineTask({ name: "tick", run: ({ job }) => job.schedule?.at.getTime() });

/** The nominal times of all occurrences, counted in steps from the first one. */
async function steps(errand: Errand): Promise<number[]> {
  const { jobs } = await errand.list({ limit: 1_000 });
  const at = jobs.map(({ schedule }) => schedule!.at.getTime()).sort((a, b) => a - b);
  for (const { runAt, schedule } of jobs) expect(runAt).toEqual(schedule!.at);
  return at.map((ms) => (ms - at[0]!) / Number(TICKS.every));
}

async function ended(errand: Errand): Promise<string | undefined> {
  return (await errand.schedules.get("ticks"))?.state;
}

const ALL = Array.from({ length: Number(TICKS.maxRuns) }, (_, n) => n);

describe("A16: each occurrence is enqueued once", () => {
  it("by four Errands with a worker each, on one file", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const open = () => Errand.open({ url, tasks: [tick], synchronous: "normal" });
    await using errand = await open();
    await using second = await open();
    await using third = await open();
    await using fourth = await open();
    const all = [errand, second, third, fourth];
    await Promise.all(all.map((each) => each.worker().start()));
    await Promise.all(all.map((each) => each.schedules.upsert("ticks", TICKS)));
    await expect.poll(() => ended(errand)).toBe("ended");
    expect(await steps(errand)).toEqual(ALL);
    await expect.poll(async () => (await errand.stats()).completed).toBe(ALL.length);
  });

  it("by four workers of one Errand", async () => {
    await using errand = await Errand.open({ url: ":memory:", tasks: [tick] });
    await Promise.all(ALL.slice(0, 4).map(() => errand.worker().start()));
    await errand.schedules.upsert("ticks", { ...TICKS, maxRuns: 20 });
    await expect.poll(() => ended(errand)).toBe("ended");
    expect(await steps(errand)).toEqual(ALL.slice(0, 20));
  });

  it("when a process that scheduled is taken up by the worker of another", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using working = await Errand.open({ url, tasks: [tick] });
    await working.worker({ pollInterval: "1h" }).start();
    await using errand = await Errand.open({ url });
    await errand.schedules.upsert("ticks", { ...TICKS, maxRuns: 1 });
    await expect.poll(async () => (await errand.stats()).completed).toBe(1);
  });
});

describe.runIf(needRuntimes("node", "bun", "deno"))("A16: between processes", () => {
  it.each<{ runtimes: readonly Runtime[] }>([
    { runtimes: ["node", "node"] },
    { runtimes: ["node", "bun", "deno"] },
  ])("each occurrence is enqueued once by $runtimes, one of them killed", async ({ runtimes }) => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using errand = await Errand.open({ url });
    const env = { TICKER_URL: url };
    const tickers = await Promise.all(
      runtimes.map((runtime) => spawnTs(runtime, "test/schedules/ticker.ts", env)),
    );
    try {
      for (const ticker of tickers) expect(await ticker.nextLine()).toBe("ready");
      await errand.schedules.upsert("ticks", TICKS);
      await expect.poll(async () => (await errand.schedules.get("ticks"))?.runs)
        .toBeGreaterThan(20);
      await tickers[0]!.kill();
      await expect.poll(() => ended(errand)).toBe("ended");
    } finally {
      await Promise.all(tickers.map((ticker) => ticker.kill()));
    }
    expect(await steps(errand)).toEqual(ALL);
  });
});
