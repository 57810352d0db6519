// The same over a libSQL server, where one is at hand.
import { describe, expect, it } from "vitest";
import { defineTask } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { offered } from "./support/need.ts";
import { findSqld, startSqld } from "./support/sqld.ts";

const quick = defineTask({ name: "quick", run: () => ({ answer: 42 }) });

describe.runIf(offered("watching over sqld", findSqld()))("A17: over a server,", () => {
  it("a watch tells the life of a job and is resumed, and the feed ends when left", async () => {
    await using server = await startSqld();
    const { url } = server;
    await using errand = await testErrand({ url, tasks: [quick] });
    const changes = errand.watch();
    await changes.begun;
    const jobs = await errand.enqueueMany(quick, [1, 2]);
    expect(await errand.worker().drain()).toMatchObject({ completed: 2, lost: 0 });
    expect((await errand.wait(jobs)).map(({ state }) => state)).toEqual(["completed", "completed"]);
    await errand.retry(jobs[0]!.id);
    await errand.remove(jobs[0]!.id);
    expect(await errand.purge({ all: true })).toEqual({ count: 1 });
    const told: string[] = [];
    let cursor = changes.cursor!;
    for await (const change of changes) {
      told.push(change.event);
      if (told.length === 3) ({ cursor } = change);
      if (told.length === 9) break;
    }
    expect(told).toEqual([
      ...["enqueued", "enqueued", "started", "started", "completed", "completed"],
      ...["retried", "removed", "removed"],
    ]);
    const again = errand.watch({ event: "started" }, { cursor });
    expect((await again.next()).value?.id).toBe(jobs[1]!.id);
    await again.return!();
    await errand.clock.advance("11m");
    await errand.worker().drain();
    await errand.enqueue(quick);
    await expect(errand.watch({}, { cursor }).next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await errand.stats()).toMatchObject({ available: 1, completed: 0 });
  });
});
