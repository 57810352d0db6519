// Old history is removed wherever in the table it lies, whoever does the work.
import { expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({ name: "work", run: () => {} });

it("history is pruned by drains alone behind a head of forever jobs", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock();
  const drained = async (): Promise<number> => {
    const url = `file:${dir.file("errand.db")}`; // each drain is a process of its own
    await using errand = await testErrand({ url, tasks: [work], clock });
    await errand.worker({ concurrency: 200 }).drain();
    return (await errand.stats()).completed;
  };
  {
    await using errand = await Errand.open({ url: `file:${dir.file("errand.db")}`, clock });
    await errand.enqueueMany(work, Array(4_500).fill(0), { retention: "forever" });
    await errand.enqueueMany(work, Array(100).fill(0), { retention: "1h" });
  }
  expect(await drained()).toBe(4_600);
  await clock.advance("1h");
  const seen: number[] = [];
  for (let drains = 0; drains < 5; drains++) seen.push(await drained());
  expect(seen.at(-1)).toBe(4_500);
  using raw = openRaw(dir.file("errand.db"));
  expect(raw.rows("SELECT count(*) FROM errand_job WHERE expire_at > 0")).toEqual([[0]]);
});

it("a drain keeps no cursor where the table is short", async () => {
  await using dir = await tempDir();
  await using errand = await testErrand({ url: `file:${dir.file("errand.db")}`, tasks: [work] });
  await errand.enqueueMany(work, Array(900).fill(0));
  await errand.worker({ concurrency: 100 }).drain();
  await errand.worker().drain();
  using raw = openRaw(dir.file("errand.db"));
  expect(raw.rows("SELECT * FROM errand_mark")).toEqual([]);
});
