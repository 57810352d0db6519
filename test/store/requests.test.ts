// Requests that add jobs once, however often they come.
import { describe, expect, it } from "vitest";
import type { OnceAnswer } from "../../src/broker.ts";
import type { NewJob } from "../../src/job-terms.ts";
import { newJob, rescueAll, uniqueJob } from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const KEEP_MS = 86_400_000;

function once(
  { store }: Bench,
  jobs: readonly NewJob[],
  { key = "key", hash = "hash" }: { readonly key?: string; readonly hash?: string } = {},
): Promise<OnceAnswer> {
  return store.api.enqueueOnce({ key, hash, keepMs: KEEP_MS, jobs });
}

describe.each(places)("in a store at %s", (place) => {
  it("a repeated request adds nothing and is answered with the first one's jobs", async () => {
    await using bench = await openBench(place);
    const first = await once(bench, [newJob("a"), newJob("b")]);
    const createdAtMs = bench.clock.now();
    expect(first).toEqual({ kind: "stored", ids: ["a", "b"], answer: { createdAtMs } });
    await bench.clock.advance("1h");
    const before = await bench.tables();
    expect(await once(bench, [newJob("c"), newJob("d")])).toEqual({ ...first, kind: "repeated" });
    expect(await bench.tables()).toEqual(before);
  });

  it("so it is also when the jobs are gone", async () => {
    await using bench = await openBench(place);
    const first = await once(bench, [newJob("a")]);
    await bench.store.remove("a");
    expect(await once(bench, [newJob("b")])).toEqual({ ...first, kind: "repeated" });
    expect((await bench.tables()).jobs).toEqual({});
  });

  it("a request whose own answer was lost knows its jobs", async () => {
    await using bench = await openBench(place);
    const first = await once(bench, [newJob("a")]);
    await bench.store.remove("a"); // or it was done by then
    expect(await once(bench, [newJob("a")])).toEqual(first);
    expect((await bench.tables()).jobs).toEqual({});
  });

  it("another request under the same key is told so, and adds nothing", async () => {
    await using bench = await openBench(place);
    await once(bench, [newJob("a")]);
    expect(await once(bench, [newJob("b")], { hash: "other" })).toEqual({ kind: "other" });
    expect(Object.keys((await bench.tables()).jobs)).toEqual(["a"]);
  });

  it("two requests at once with one key add the jobs of one", async () => {
    await using bench = await openBench(place);
    const answers = await Promise.all(["a", "b", "c"].map((id) => once(bench, [newJob(id)])));
    const [added] = Object.keys((await bench.tables()).jobs);
    expect(answers.map((answer) => "ids" in answer ? answer.ids : []))
      .toEqual([[added], [added], [added]]);
    expect(answers.filter(({ kind }) => kind === "stored")).toHaveLength(1);
  });

  it("the jobs that kept unique ones away are told as they stood", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    const options = JSON.stringify({ schedule: { name: "s", at: 5 }, retentionMs: 9 });
    const more = { maxAttempts: 3, meta: '{"m":1}', options, payload: '{"p":[1,"2"]}' };
    await store.enqueue([uniqueJob("there", more)]);
    const job = await store.get("there");
    const first = await once(bench, [newJob("a"), uniqueJob("b"), uniqueJob("c", { key: "k2" })]);
    expect(first).toMatchObject({ kind: "stored", ids: ["a", "b", "c"] });
    if (first.kind !== "stored") return;
    expect([...first.answer.duplicates!]).toEqual([["b", job]]);
    await store.cancel("there", rescueAll.retentions);
    const again = await once(bench, [newJob("d"), uniqueJob("e"), uniqueJob("f", { key: "k2" })]);
    expect(again).toEqual({ ...first, kind: "repeated" });
  });

  it("a request that fails is not remembered", async () => {
    await using bench = await openBench(place);
    const broken = newJob("a", { payload: "{" });
    await expect(once(bench, [broken])).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(await once(bench, [newJob("a")])).toMatchObject({ kind: "stored" });
  });

  it("a key is free again once its time is over, and is forgotten in bounded batches", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    for (const key of ["1", "2", "3"]) await once(bench, [newJob(key)], { key });
    await clock.advance(KEEP_MS - 1);
    await store.api.pruneRequests(2);
    expect(await bench.rows("SELECT count(*) FROM errand_request")).toEqual([[3]]);
    await clock.advance(1);
    expect(await once(bench, [newJob("4")], { key: "1", hash: "new" }))
      .toMatchObject({ kind: "stored", ids: ["4"] });
    await store.api.pruneRequests(1);
    expect(await bench.rows("SELECT count(*) FROM errand_request")).toEqual([[2]]);
    await store.api.pruneRequests(9);
    expect(await bench.rows("SELECT key FROM errand_request")).toEqual([["1"]]);
  });
});
