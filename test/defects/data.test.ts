// Section C of what other small queues got wrong: the defects of the data and of its readers.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { openRaw } from "../support/raw.ts";
import { recordedClient, stepsOf } from "../support/steps.ts";
import { tempDir } from "../support/temp.ts";

const noop = defineTask({ name: "noop", run: () => {} });

describe("what was wrong with data", () => {
  it("C5: a claim is no more work for SQLite at 50,000 rows than at 500", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    using recorded = recordedClient(`file:${path}`);
    await using errand = await Errand.open({ client: recorded.client, tasks: [noop] });
    const grow = async (rows: number): Promise<void> => {
      const payloads = Array.from({ length: rows }, () => ({}));
      await errand.enqueueMany(noop, payloads);
      await errand.worker({ concurrency: 1_000 }).drain(); // history
      await errand.enqueueMany(noop, payloads); // backlog
      await errand.enqueueMany(noop, payloads, { delay: "1d" });
      await errand.enqueueMany(noop, payloads, { queue: "other" });
    };
    const work = async (): Promise<number[]> => {
      recorded.batches.length = 0;
      await errand.worker({ concurrency: 10, prefetch: 0 }).drain({ maxJobs: 10 });
      return recorded.batches.map((batch) => stepsOf(path, batch));
    };
    await grow(125);
    const before = await work();
    for (let i = 0; i < 5; i++) await grow(2_475);
    const after = await work();
    expect(before.length).toBeGreaterThan(0);
    // beside the claims, the drain of a long table keeps where its pruning has ended
    expect(after.length).toBeLessThanOrEqual(before.length + 1);
    expect(Math.max(...after)).toBeLessThan(1.5 * Math.max(...before));
  });

  it.each([["text"], ["123"], ["1e400"], ["0x10"], [""], ['{"a":1}'], ["null"], ["€'\"\\"]])(
    "C6: %j stays the text that it is, wherever it is put",
    async (text) => {
      const echo = defineTask({ name: "echo", run: ({ input }) => input as string });
      await using errand = await testErrand({ tasks: [echo] });
      const parentId = text || "00123";
      const { id } = await errand.enqueue(echo, text, { meta: { text }, parentId });
      const { id: next } = await errand.enqueue(echo, { [text]: text });
      expect(await errand.worker().drain()).toMatchObject({ completed: 2 });
      expect(await errand.get(id)).toMatchObject({
        ...{ payload: text, result: text, meta: { text }, parentId },
      });
      expect((await errand.get(next))?.result).toEqual({ [text]: text });
      const { jobs } = await errand.list({ parentId });
      expect(jobs.map((job) => job.id)).toEqual([id]);
    },
  );

  it.each([["123"], ["1e999"], ["0"], ["01a20500-0000-7000-8000-000000000000"]])(
    "C6: no other text than a job's id, such as %j, finds a job",
    async (id) => {
      await using errand = await testErrand({ tasks: [noop] });
      await errand.enqueueMany(noop, [1, 2, 3]);
      expect(await errand.get(id)).toBeUndefined();
    },
  );

  it("C6: what a caller passes is not changed, what a handler changes not stored", async () => {
    const change = defineTask({
      name: "change",
      retry: { maxAttempts: 1 },
      run: ({ input }) => {
        (input as { list: number[] }).list.push(2);
        throw new Error("after a change");
      },
    });
    await using errand = await testErrand({ tasks: [change] });
    const payload = Object.freeze({ list: Object.freeze([1]) });
    const options = Object.freeze({ meta: Object.freeze({ a: 1 }), retry: Object.freeze({}) });
    const { id } = await errand.enqueue(change, payload, options);
    await errand.enqueueMany(change, Object.freeze([payload]), options);
    await errand.worker().drain();
    expect(await errand.get(id)).toMatchObject({ state: "failed", payload: { list: [1] } });
  });

  it("C8: wait ends with its job, not with its timeout", async () => {
    await using errand = await testErrand({ tasks: [noop] }); // its clock stands still
    await using worker = errand.worker();
    await worker.start();
    const { id } = await errand.enqueue(noop);
    expect((await errand.wait(id, { timeout: "1h" })).state).toBe("completed");
    expect((await errand.wait(id, { timeout: "1h" })).state).toBe("completed");
    expect(errand.clock.elapsedMs()).toBe(0);
  });

  it("C8: wait misses no end, whenever it falls between look-up and subscription", async () => {
    await using errand = await testErrand({ tasks: [noop] }); // no timer can help it out
    for (let turns = 0; turns < 40; turns++) {
      const { id } = await errand.enqueue(noop);
      const ended = errand.wait(id, { timeout: "1h" });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await errand.cancel(id);
      expect((await ended).state).toBe("cancelled");
    }
  });

  it("C11: whoever looks from outside sees a claim while the handler runs", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    using outside = openRaw(path);
    const look = defineTask({
      name: "look",
      run: () => outside.rows("SELECT state, attempt FROM errand_job"),
    });
    await using errand = await Errand.open({ url: `file:${path}`, tasks: [look] });
    const { id } = await errand.enqueue(look);
    await errand.worker().drain();
    expect((await errand.get(id))?.result).toEqual([["running", 1]]);
  });

  it("C11: a transaction of the user on the same client takes no job along", async () => {
    await using dir = await tempDir();
    using recorded = recordedClient(`file:${dir.file("errand.db")}`);
    await using errand = await Errand.open({ client: recorded.client, tasks: [noop] });
    await recorded.client.execute("CREATE TABLE own (n INTEGER)");
    const own = await recorded.client.transaction("write");
    await own.execute("INSERT INTO own VALUES (1)");
    const enqueued = errand.enqueue(noop); // waits for the lock
    await own.rollback();
    const { id } = await enqueued;
    expect((await errand.get(id))?.state).toBe("available");
    expect((await recorded.client.execute("SELECT * FROM own")).rows).toHaveLength(0);
  });

  it("C11: calls that overlap on one connection keep their transactions apart", async () => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: `file:${dir.file("errand.db")}`, tasks: [noop] });
    const call = async (n: number): Promise<string> => {
      const { id } = await errand.enqueue(noop, n);
      if (n % 3 === 0) await errand.cancel(id);
      if (n % 3 === 1) await errand.remove(id);
      await errand.retry(id).catch(() => {});
      return id;
    };
    const ids = await Promise.all(Array.from({ length: 300 }, (_, n) => call(n)));
    const states = await Promise.all(ids.map(async (id) => (await errand.get(id))?.state));
    expect(states).toEqual(ids.map((_, n) => n % 3 === 1 ? undefined : "available"));
    expect(await errand.stats()).toMatchObject({ available: 200, cancelled: 0 });
  });
});
