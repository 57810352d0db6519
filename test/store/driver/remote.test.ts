// A libSQL server whose answers get lost, or that refuses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../../mod.ts";
import { offered } from "../../support/need.ts";
import { type Mishap, type Proxy, startProxy } from "../../support/proxy.ts";
import { findSqld, type Sqld, startSqld } from "../../support/sqld.ts";

const task = defineTask({ name: "task", run: ({ input }) => ({ got: input }) });
const lossy: readonly Mishap[] = ["lost", "answer lost", "answer cut", 500, 502, 503];

describe.runIf(offered("tests over sqld", findSqld()))("over a server", () => {
  let server: Sqld;
  let proxy: Proxy;

  beforeAll(async () => {
    server = await startSqld();
    proxy = await startProxy(server.url);
    await (await Errand.open({ url: server.url })).close(); // for its schema
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const open = () => Errand.open({ url: proxy.url, tasks: [task], requestTimeout: "3s" });

  describe.each(lossy)("whose way or answer fails (%s)", (mishap) => {
    it("an enqueue adds its job once", async () => {
      await using errand = await open();
      proxy.mishaps.push(mishap, mishap);
      const job = await errand.enqueue(task, { mishap }, { queue: `once ${mishap}` });
      const { jobs } = await errand.list({ queue: `once ${mishap}` });
      expect(jobs.map(({ id }) => id)).toEqual([job.id]);
      expect(job.state).toBe("available");
    });

    it("an enqueue of a unique job is told as inserted, and the next as its duplicate", async () => {
      await using errand = await open();
      const options = { queue: `unique ${mishap}`, unique: { key: String(mishap) } };
      proxy.mishaps.push(mishap);
      const first = await errand.enqueue(task, 1, options);
      proxy.mishaps.push(mishap);
      const second = await errand.enqueue(task, 2, options);
      expect([first.enqueued, second.enqueued]).toEqual(["inserted", "duplicate"]);
      expect(second.id).toBe(first.id);
    });

    it("every exchange counts once", async () => {
      await using errand = await open();
      const queue = `exchange ${mishap}`;
      const jobs = await errand.enqueueMany(task, [1, 2, 3, 4, 5, 6], { queue });
      const lost: string[] = [];
      errand.on("lost", ({ id }) => lost.push(id));
      for (let i = 0; i < 6; i++) proxy.mishaps.push(mishap, "none");
      const worker = errand.worker({ queues: { [queue]: 2 } });
      await worker.drain({ deadline: "60s" });
      proxy.mishaps.length = 0;
      const ended = await errand.list({ queue });
      expect(ended.jobs.map(({ id, state, attempt }) => [id, state, attempt]).sort())
        .toEqual(jobs.map(({ id }) => [id, "completed", 1]).sort());
      expect(lost).toEqual([]);
      expect((await errand.stats()).queues[queue]).toMatchObject({ completed: 6, running: 0 });
    });

    it("each verb answers as if nothing had been lost", async () => {
      await using errand = await open();
      const queue = `verbs ${mishap}`;
      const { id } = await errand.enqueue(task, 1, { queue });
      const mishappens = async <T>(call: () => Promise<T>): Promise<T> => {
        proxy.mishaps.push("none", mishap);
        const reads = await call();
        proxy.mishaps.length = 0;
        return reads;
      };
      const fails = async <T>(call: () => Promise<T>): Promise<T> => {
        proxy.mishaps.push(mishap);
        return await call();
      };
      expect((await fails(() => errand.cancel(id))).state).toBe("cancelled");
      expect((await fails(() => errand.retry(id))).state).toBe("available");
      await fails(() => errand.queues.pause(queue));
      expect((await errand.stats()).queues[queue]).toMatchObject({ paused: true, available: 1 });
      await fails(() => errand.queues.resume(queue));
      expect((await mishappens(() => errand.remove(id))).id).toBe(id);
      expect(await errand.get(id)).toBeUndefined();
      expect((await errand.stats()).queues[queue]?.cancelled ?? 0).toBe(0);
    });
  });

  const refusals: readonly (readonly [Mishap, string, RegExp])[] = [
    [401, "UNAUTHORIZED", /authToken/],
    [403, "FORBIDDEN", /does not allow/],
    [404, "DATABASE_UNAVAILABLE", /no such database \(namespace\)/],
  ];

  it.each(refusals)("a refusal (%s) is told at once, as %s", async (mishap, code, message) => {
    await using errand = await open();
    const { came } = proxy.counts;
    proxy.mishaps.push(mishap);
    await expect(errand.enqueue(task, 1)).rejects
      .toMatchObject({ code, message: expect.stringMatching(message) });
    expect(proxy.counts.came - came).toBe(1);
  });

  const outages: readonly (readonly [Mishap, string])[] = [
    ["lost", "DATABASE_UNAVAILABLE"],
    ["silence", "DATABASE_UNAVAILABLE"],
    ["no json", "DATABASE_UNAVAILABLE"],
    [503, "DATABASE_UNAVAILABLE"],
    [429, "RATE_LIMITED"],
  ];

  it.each(outages)("an outage (%s) is told when patience ends, as %s", async (mishap, code) => {
    await using errand = await Errand.open({ url: proxy.url, requestTimeout: 500 });
    proxy.mishaps.push(...Array.from({ length: 100 }, () => mishap));
    const start = performance.now();
    await expect(errand.enqueue("task", 1)).rejects.toMatchObject({ code });
    proxy.mishaps.length = 0;
    expect(performance.now() - start).toBeGreaterThan(800);
    expect((await errand.enqueue("task", 2)).state).toBe("available");
  });

  it("one write batch is in flight at a time, and is one request", async () => {
    await using errand = await open();
    const { came } = proxy.counts;
    proxy.delayMs = 20;
    const first = errand.enqueue(task, 0, { queue: "requests" });
    await expect.poll(() => proxy.counts.came).toBe(came + 1);
    const others = Array.from({ length: 1_000 }, (_, n) => errand.enqueue(task, n));
    await Promise.all([first, ...others]);
    proxy.delayMs = 0;
    expect(proxy.counts.came - came).toBe(2);
  });

  it("its counters are told as usage, whatever the payloads say", async () => {
    await using errand = await open();
    const before = errand.usage()!;
    await errand.enqueueMany(task, [1, { say: '{"rows_written":77}' }, { rows_written: 5 }]);
    const { requests, rowsWritten } = errand.usage()!;
    expect(requests - before.requests).toBe(1);
    expect(rowsWritten - before.rowsWritten).toBe(6);
  });
});
