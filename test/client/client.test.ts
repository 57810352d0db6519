// A client and an API in one process: what an Errand does, a client of one does as well.
import { describe, expect, it } from "vitest";
import { defineTask, type Job, type JobChange } from "../../mod.ts";
import { hashToken } from "../../src/http/mod.ts";
import { newId } from "../../src/id.ts";
import { partsOf } from "../../src/parts.ts";
import { takeUp } from "../../src/process/duty.ts";
import { pair, type PairOptions } from "../support/pair.ts";
import { until } from "../support/until.ts";

const quick = defineTask({ name: "quick", run: ({ input }) => ({ got: input }) });
const tasks = [quick];

/** Every answer is lost the first time, and every request is sent again. */
const lossy = (lost: string[] = []): PairOptions => {
  const seen = new Map<string, number>();
  return {
    async between(request, pass) {
      const what = `${request.method} ${new URL(request.url).pathname}`;
      const text = `${what} ${await request.clone().text()}`;
      const response = await pass();
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      if (times % 2 === 0 || request.method === "GET") return response;
      lost.push(what);
      throw new TypeError("fetch failed: the connection was reset");
    },
  };
};

describe("answers that are lost on their way", () => {
  it("cost nothing: every verb does once what it was asked for", async () => {
    const lost: string[] = [];
    await using both = await pair({ ...lossy(lost), server: { tasks } });
    const { client, server, clock } = both;
    client.register(quick);
    const first = await client.enqueue(quick, 1);
    const [second, third] = await client.enqueueMany(quick, [2, 3]);
    expect(await client.worker().drain()).toMatchObject({ completed: 3, lost: 0 });
    expect(await client.clone(first.id)).toMatchObject({ payload: 1, enqueued: "inserted" });
    expect(await client.retry(second!.id, { delay: "1h" })).toMatchObject({ state: "scheduled" });
    expect(await client.cancel(second!.id)).toMatchObject({ state: "cancelled" });
    expect(await client.remove(third!.id)).toMatchObject({ id: third!.id, state: "completed" });
    await client.schedules.upsert("s", { task: quick, every: "1h", startAt: clock.now() + 1_000 });
    expect(await client.schedules.runNow("s")).toMatchObject({ state: "available" });
    expect(await client.schedules.remove("s")).toMatchObject({ name: "s" });
    await client.queues.pause("default");
    await client.queues.resume("default");
    expect(await client.wait(first)).toMatchObject({ result: { got: 1 } });
    expect(await server.stats())
      .toMatchObject({ available: 2, scheduled: 0, completed: 1, cancelled: 1, failed: 0 });
    expect(lost.length).toBeGreaterThan(10);
  });

  it("tell how many jobs were changed, and change them once", async () => {
    await using both = await pair(lossy());
    const { client, server } = both;
    await server.enqueueMany([1, 2, 3].map((payload) => ({ task: "t", queue: "q", payload })));
    expect(await client.cancelMany({ queue: "q" })).toEqual({ count: 3 });
    expect(await client.retryMany({ queue: "q", state: "cancelled" })).toEqual({ count: 3 });
    expect(await client.removeMany({ queue: "q" }, { limit: 2 })).toMatchObject({ count: 2 });
    expect(await client.purge({ queue: "q" })).toEqual({ count: 0 });
    expect(await client.queues.remove("q")).toEqual({ count: 1 });
    expect((await server.stats()).queues.q).toBeUndefined();
  });

  it("let no job run again that has ended meanwhile", async () => {
    let runs = 0;
    const counts = defineTask({ name: "counts", run: () => void runs++ });
    const repeated = new Set<string>();
    let work = (): Promise<unknown> => Promise.resolve();
    await using both = await pair({
      async between(request, pass) {
        const first = request.method === "POST" && !repeated.delete(request.url);
        const response = await pass();
        if (!first) return response;
        repeated.add(request.url);
        await work();
        throw new TypeError("fetch failed: the connection was reset");
      },
      server: { tasks: [counts] },
    });
    const { client, server } = both;
    work = () => server.worker().drain();
    const { id } = await server.enqueue(counts);
    await server.cancel(id);
    expect(await client.retry(id)).toMatchObject({ state: "completed" });
    expect(await client.retryMany({ state: "completed" })).toEqual({ count: 1 });
    expect(await server.stats()).toMatchObject({ completed: 1, available: 0 });
    expect(runs).toBe(2);
  });

  it("do not hide that somebody else was first", async () => {
    await using both = await pair(lossy());
    const { client } = both;
    await expect(client.retry(newId())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(client.remove(newId())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(client.schedules.remove("none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a worker over HTTP", () => {
  it("stops while its server is down, when all that it waits for is a job", async () => {
    let down = false;
    const errors: string[] = [];
    let waits = false;
    await using both = await pair({
      async between(request, pass) {
        if (/"wait":/.test(await request.clone().text())) waits = true;
        const response = down ? undefined : await pass();
        if (down || response === undefined) throw new TypeError("fetch failed");
        return response; // that of the claim is lost
      },
      client: { tasks, requestTimeout: 500 },
    });
    const { client } = both;
    client.on("error", ({ during }) => void errors.push(during));
    const worker = client.worker();
    await worker.start();
    await until(() => expect(waits).toBe(true));
    down = true;
    await worker.stop(); // the clock stands still: nothing else ends its trying
    expect(errors).toContain("exchange");
  });

  it("stops while its server is silent, long before its requests are given up", async () => {
    let silent = false;
    await using both = await pair({
      between: (_, pass) => silent ? new Promise<never>(() => {}) : pass(),
      client: { tasks: [quick], requestTimeout: "1h" },
    });
    const { client, clock, sent } = both;
    const worker = client.worker();
    await worker.start();
    await until(() => expect(sent).toContain("POST /v1/claims"));
    silent = true;
    sent.length = 0;
    await clock.advance("31s"); // its claim is over, and the next one gets no answer
    await until(() => expect(sent).toContain("POST /v1/claims"));
    let stopped = false;
    const stopping = worker.stop().then(() => stopped = true);
    await until(async () => {
      await clock.advance("1s");
      expect(stopped).toBe(true);
    });
    await stopping;
  });

  it("does not start with a token that may not work, and says why", async () => {
    const tokens = [{ name: "reader", token: "a-token-that-may-read", scopes: ["read"] }] as const;
    await using both = await pair({
      api: { tokens },
      client: { tasks: [quick], token: "a-token-that-may-read" },
    });
    const worker = both.client.worker();
    await expect(worker.start()).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining('lacks the scope "work"'),
    });
    expect(worker.started).toBe(false);
    await worker.stopped;
  });

  it("drains with a token that may do no more than work", async () => {
    const tokens = [{ name: "worker", token: "a-token-that-works", scopes: ["work"] }] as const;
    await using both = await pair({
      api: { tokens },
      client: { tasks: [quick], token: "a-token-that-works" },
    });
    await both.server.enqueue("quick");
    expect(await both.client.worker().drain()).toMatchObject({ completed: 1, ended: "empty" });
  });

  it("outlasts an outage of its server, and goes on", async () => {
    let down = false;
    const errors: string[] = [];
    await using both = await pair({
      between: (_, pass) => down ? Promise.reject(new TypeError("fetch failed")) : pass(),
      client: { tasks, requestTimeout: 20 },
    });
    const { client, server, clock } = both;
    client.on("error", ({ during }) => void errors.push(during));
    await using worker = client.worker({ concurrency: 2 });
    await worker.start();
    down = true;
    const { id } = await server.enqueue("quick", 1);
    for (let n = 0; n < 20; n++) {
      await clock.advance("1h");
      await until(() => expect(errors.length).toBeGreaterThan(n));
    }
    down = false;
    await until(async () => {
      await clock.advance("10s");
      expect(await server.get(id)).toMatchObject({ state: "completed" });
    });
  });

  it("hears that what it ran through an outage is no longer its own", async () => {
    let down = false;
    const lost: string[] = [];
    let finish: (() => void) | undefined;
    const slow = defineTask({
      ...{ name: "slow", timeout: "10d" },
      run: ({ job }) => job.attempt > 1 ? undefined : new Promise<void>((end) => finish = end),
    });
    await using both = await pair({
      between: (_, pass) => down ? Promise.reject(new TypeError("fetch failed")) : pass(),
      ...{ client: { tasks: [slow], requestTimeout: 300 }, server: { tasks: [slow] } },
    });
    const { client, server, clock } = both;
    client.on("lost", ({ reason }) => void lost.push(reason));
    const { id } = await client.enqueue(slow);
    await using worker = client.worker({ lease: "30s" });
    await worker.start();
    await until(() => expect(finish).toBeDefined());
    down = true;
    await clock.advance("31s");
    await server.worker().drain();
    expect(await server.get(id)).toMatchObject({ state: "completed", attempt: 2 });
    finish!();
    down = false;
    await until(async () => {
      await clock.advance("10s");
      expect(lost).toEqual(["LEASE_LOST"]);
    });
    expect(await server.get(id)).toMatchObject({ state: "completed", attempt: 2 });
  });

  it("that is idle waits in one claim, whose answer is the job", async () => {
    await using both = await pair({ client: { tasks } });
    const { client, server, clock, sent } = both;
    await using worker = client.worker({ concurrency: 1 }); // a free slot would listen beside a job
    await worker.start();
    const claims = () => sent.filter((what) => what === "POST /v1/claims").length;
    await until(() => expect(claims()).toBe(2)); // the first one did not wait
    await clock.advance("20s");
    await clock.advance(5); // the server has looked, and rests
    expect(claims()).toBe(2);
    await clock.advance("10s"); // so long it waits
    await until(() => expect(claims()).toBe(3));
    const { id } = await server.enqueue("quick");
    expect(await server.wait(id)).toMatchObject({ state: "completed", attempt: 1 });
    await until(() => expect(claims()).toBe(5)); // handed in, and waiting again
    expect(sent).not.toContain("GET /v1/wakeups");
  });

  it("that is idle is told by nobody but its server that it serves another queue", async () => {
    const other = defineTask({ name: "other", queue: "other", run: () => "done" });
    await using both = await pair({ client: { tasks } });
    const { client, server, sent } = both;
    await using worker = client.worker();
    await worker.start();
    await until(() => expect(sent.filter((what) => what === "POST /v1/claims").length).toBe(2));
    const { id } = await server.enqueue("other", null, { queue: "other" });
    client.register(other);
    expect(await server.wait(id)).toMatchObject({ state: "completed" });
  });

  it("that stops while it waits loses no job that comes just then", async () => {
    await using both = await pair({ client: { tasks } });
    const { client, server, sent } = both;
    for (let round = 0; round < 10; round++) {
      const worker = client.worker();
      await worker.start();
      sent.length = 0;
      await until(() => expect(sent).toContain("POST /v1/claims"));
      const enqueued = server.enqueue("quick");
      for (let turns = 0; turns < round; turns++) await new Promise((next) => setTimeout(next, 0));
      await worker.stop();
      const { id } = await enqueued;
      expect(["available", "completed"]).toContain((await server.get(id))?.state);
      expect((await server.get(id))!.attempt).toBeLessThan(2);
      await client.worker().drain();
      expect(await server.get(id)).toMatchObject({ state: "completed", attempt: 1 });
    }
  });

  it("gets the job whose claim was answered to nobody", async () => {
    let cut = false;
    await using both = await pair({
      client: { tasks },
      async between(request, pass) {
        const response = await pass();
        if (!cut || !request.url.endsWith("/claims")) return response;
        cut = false;
        throw new TypeError("fetch failed: the connection was reset");
      },
    });
    const { client, server, clock, sent } = both;
    const errors: unknown[] = [];
    client.on("error", ({ error }) => void errors.push(error));
    await using worker = client.worker();
    await worker.start();
    await until(() => expect(sent.filter((what) => what === "POST /v1/claims").length).toBe(2));
    cut = true;
    await clock.advance(5); // the server has looked, and rests
    const { id } = await server.enqueue("quick");
    expect(await server.wait(id)).toMatchObject({ state: "completed", attempt: 1 });
    expect([cut, errors]).toEqual([false, []]); // it was claimed again, under the same id
  });

  it("claims under one id until that has got it something", async () => {
    const ids: string[] = [];
    await using both = await pair({
      client: { tasks },
      async between(request, pass) {
        if (!request.url.endsWith("/claims")) return pass();
        const { limit, id } = await request.clone().json() as { limit: number; id: string };
        if (limit > 0) ids.push(id);
        return pass();
      },
    });
    const { client, server, clock } = both;
    await using worker = client.worker();
    await worker.start();
    await until(() => expect(ids.length).toBe(2));
    await clock.advance(5);
    const { id } = await server.enqueue("quick");
    expect(await server.wait(id)).toMatchObject({ state: "completed" });
    await until(() => expect(ids.length).toBe(4));
    expect([ids[1], ids[3]]).toEqual([ids[0], ids[2]]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("that waits behind a gateway which refuses that works on without a word", async () => {
    await using both = await pair({
      client: { tasks },
      async between(request, pass) {
        if (!request.url.endsWith("/claims")) return pass();
        const { wait } = await request.clone().json() as { wait?: number };
        return wait === undefined ? pass() : new Response("", { status: 504 });
      },
    });
    const { client, server, clock, sent } = both;
    const errors: unknown[] = [];
    client.on("error", ({ error }) => void errors.push(error));
    await using worker = client.worker();
    await worker.start();
    const { id } = await server.enqueue("quick");
    await until(async () => {
      await clock.advance(100);
      expect(await server.get(id)).toMatchObject({ state: "completed", attempt: 1 });
    });
    expect(errors).toEqual([]);
    expect(sent.filter((what) => what === "POST /v1/claims").length).toBeLessThan(10);
  });

  it("that asks a server which does not wait hears of jobs, and does not ask all the time", async () => {
    await using both = await pair({
      ...{ client: { tasks }, api: { open: true, waitLimit: 1 } },
    });
    const { client, server, clock, sent } = both;
    await using worker = client.worker();
    await worker.start();
    await until(async () => {
      await clock.advance(100);
      expect(sent.filter((what) => what === "GET /v1/wakeups").length).toBeGreaterThan(5);
    });
    expect(sent.filter((what) => what === "POST /v1/claims").length).toBeLessThan(10);
    const { id } = await server.enqueue("quick");
    await until(async () => {
      await clock.advance(100);
      expect(await server.get(id)).toMatchObject({ state: "completed" });
    });
  });

  it("with a free slot hears of work while others are taken", async () => {
    let end: (() => void) | undefined;
    const long = defineTask({ name: "long", run: () => new Promise<void>((done) => end = done) });
    await using both = await pair({ client: { tasks: [long, quick] } });
    const { client, server, clock, sent } = both;
    await client.enqueue(long);
    await using worker = client.worker({ concurrency: 2 });
    await worker.start();
    await until(() => expect(end).toBeDefined());
    await until(() => expect(sent.at(-1)).toBe("GET /v1/wakeups"));
    await clock.advance(5); // the server has looked, and rests
    const { id } = await server.enqueue("quick");
    expect(await server.wait(id)).toMatchObject({ state: "completed" });
    end!();
  });

  it("is listed, and stops when it is asked to", async () => {
    await using both = await pair({ client: { tasks } });
    const { client, server, clock } = both;
    const worker = client.worker({ name: "far" });
    await worker.start();
    expect(await server.workers.list()).toMatchObject({
      workers: [{ name: "far", id: worker.id }],
    });
    expect((await client.workers.get(worker.id))?.startedAt).toBeInstanceOf(Date);
    await server.workers.stop(worker.id, { grace: 0, reason: "enough" });
    await clock.advance("10s");
    expect(await worker.stopped).toMatchObject({ asked: "elsewhere", reason: "enough" });
    expect(await client.workers.list()).toEqual({ workers: [] });
    await expect(client.workers.stop("none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a client", () => {
  it("watches changes as the server makes them", async () => {
    await using both = await pair({ client: { tasks } });
    const { client, server } = both;
    const watch = client.watch({ task: "quick" });
    await watch.begun;
    const { id } = await server.enqueue("quick", 1);
    await server.enqueue("other");
    await server.cancel(id);
    const told: JobChange[] = [];
    for await (const change of watch) if (told.push(change) === 2) break;
    expect(told).toMatchObject([
      { event: "enqueued", id, at: expect.any(Date), job: { createdAt: expect.any(Date) } },
      { event: "cancelled", id, state: "cancelled" },
    ]);
    const on = client.watch({}, { cursor: told[1]!.cursor });
    const next = on.next();
    const { id: later } = await server.enqueue("quick");
    expect((await next).value).toMatchObject({ event: "enqueued", id: later });
    const after = on.next(); // waits at the server
    await server.cancel(later);
    expect((await after).value).toMatchObject({ event: "cancelled", id: later });
    await on.return!();
    const again = client.watch({ ids: [id] }, { cursor: told[0]!.cursor });
    expect((await again.next()).value).toMatchObject({ event: "cancelled" });
    const many = Array.from({ length: 100 }, () => newId());
    const among = client.watch({ ids: [...many, id] }, { cursor: told[0]!.cursor });
    expect((await among.next()).value).toMatchObject({ event: "cancelled", id });
    await Promise.all([again.return!(), among.return!()]);
  });

  it("ends a watch that waits, when it is told to", async () => {
    await using both = await pair();
    const end = new AbortController();
    const { client, sent } = both;
    const watch = client.watch({}, { signal: end.signal });
    const next = watch.next();
    await until(() => expect(sent.filter((what) => what === "GET /v1/events").length).toBe(2));
    end.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("says when what followed a cursor is no longer kept", async () => {
    await using both = await pair();
    const cursor = `${newId()}-5`;
    await expect(both.client.watch({}, { cursor }).next()).rejects
      .toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining(cursor) });
  });

  it("changes many jobs by one call, and tells how many", async () => {
    const indexed = defineTask<{ n: number }>({ name: "indexed", index: ["n"], run: () => {} });
    await using both = await pair({ server: { tasks: [indexed] } });
    const { client, server, sent } = both;
    const bulks: unknown[] = [];
    client.on("bulk", (bulk) => void bulks.push(bulk));
    await server.enqueueMany(indexed, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    sent.length = 0;
    const filter = { task: "indexed", where: { n: 2 } };
    expect(await client.cancelMany(filter, { dryRun: true })).toEqual({ count: 1 });
    expect(await client.cancelMany(filter)).toEqual({ count: 1 });
    expect(bulks).toEqual([{ verb: "cancel", count: 1, jobs: [] }]);
    expect(sent).toEqual(["POST /v1/jobs/cancel", "POST /v1/jobs/cancel"]);
    expect((await client.list({ where: { n: 2 } })).jobs).toMatchObject([{ state: "cancelled" }]);
    expect(await client.retryMany({ task: "indexed", state: "cancelled" }, { delay: "1h" }))
      .toEqual({ count: 1 });
    expect(await client.stats()).toMatchObject({ scheduled: 1, available: 2 });
    await expect(client.purge({ queue: undefined } as never)).rejects
      .toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining("undefined") });
    await expect(client.list({ where: { m: 1 } })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await client.queues.remove("default")).toEqual({ count: 3 });
    expect(sent.at(-1)).toBe("DELETE /v1/queues/default");
  });

  it("makes schedules whose occurrences the server enqueues", async () => {
    const next = (after: Date) => new Date(after.getTime() + 60_000);
    await using both = await pair({ server: { nextRuns: { next } } });
    const { client, server, clock } = both;
    const options = { task: quick, payload: 1, queue: "q", retry: { maxAttempts: 2 } } as const;
    const made = await client.schedules.upsert("s", { ...options, every: "1m", meta: { a: 1 } });
    expect(made).toMatchObject({ everyMs: 60_000, payload: 1, meta: { a: 1 }, queue: "q" });
    expect(made).toEqual(await server.schedules.get("s"));
    expect(await client.schedules.get("s")).toEqual(made);
    await client.schedules.upsert("f", { task: "quick", next: "next", startAt: clock.now() });
    expect((await client.schedules.list({ limit: 1 })).cursor).toBe("f");
    expect(await client.schedules.pause("s")).toMatchObject({ state: "paused" });
    expect(await client.schedules.resume("s")).toMatchObject({ state: "active" });
    await server.worker({ queues: ["none"] }).drain();
    const { jobs } = await client.list({ queue: "q" });
    expect(jobs).toMatchObject([{ maxAttempts: 2, schedule: { at: expect.any(Date) } }]);
    await expect(client.schedules.upsert("s", { ...options, cron: "never" })).rejects
      .toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining("cron") });
    await expect(client.schedules.pause("none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("checks payloads by the tasks that it knows, before anything is sent", async () => {
    const strict = defineTask<{ n: number }>({
      name: "strict",
      input: {
        "~standard": {
          ...{ version: 1, vendor: "test" },
          validate: () => ({ issues: [{ message: "no" }] }),
        },
      },
      run: () => {},
    });
    await using both = await pair({ client: { tasks: [strict] } });
    const { client, sent } = both;
    const refused = { code: "INVALID_INPUT" };
    await expect(client.enqueue(strict, { n: 1 })).rejects.toMatchObject(refused);
    await expect(client.enqueue("unknown")).rejects.toMatchObject(refused);
    await expect(client.schedules.upsert("s", { task: strict, payload: { n: 1 }, every: "1m" }))
      .rejects.toMatchObject(refused);
    expect(sent).toEqual([]);
  });

  it("tells one caller of a turn what is wrong, and the others nothing", async () => {
    const strict = defineTask({ name: "strict", queue: "other", run: () => {} });
    const token = "a".repeat(43);
    const scopes = ["enqueue", "read"] as const;
    const tokens = [{ name: "t", hash: await hashToken(token), scopes, queues: ["default"] }];
    await using both = await pair({ api: { tokens }, client: { token, tasks: [quick, strict] } });
    const { client } = both;
    const [a, b, c] = await Promise.allSettled([
      client.enqueue(quick, 1),
      client.enqueue(strict, 2),
      client.enqueue(quick, 3),
    ]);
    expect([a.status, b, c.status]).toMatchObject([
      "fulfilled",
      { status: "rejected", reason: { code: "FORBIDDEN" } },
      "fulfilled",
    ]);
    await expect(client.worker().drain()).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it("enqueues a job again under an id of the caller's own, once", async () => {
    await using both = await pair();
    const { client, server } = both;
    const { id } = await client.enqueue("quick", 1);
    await client.schedules.upsert("s", {
      task: "quick",
      every: "1h",
      startAt: "2031-01-01T00:00Z",
    });
    const own = { id: newId() };
    const more = { id: newId() };
    for (let n = 0; n < 2; n++) {
      expect(await client.clone(id, own)).toMatchObject({ ...own, payload: 1 });
      expect(await client.schedules.runNow("s", more)).toMatchObject(more);
    }
    expect(await server.stats()).toMatchObject({ available: 3 });
    const bad = { id: "not an id" };
    const refused = { code: "INVALID_INPUT", message: expect.stringContaining("UUIDv7") };
    for (const errand of [client, server]) {
      await expect(errand.clone(id, bad)).rejects.toMatchObject(refused);
      await expect(errand.schedules.runNow("s", bad)).rejects.toMatchObject(refused);
    }
  });

  it("hears what the server has removed when it asked for upkeep", async () => {
    await using both = await pair({ client: { tasks } });
    const { client, clock } = both;
    const pruned: number[] = [];
    client.on("pruned", ({ count }) => void pruned.push(count));
    await client.enqueueMany(quick, [1, 2], { retention: "1d" });
    await client.worker().drain();
    await clock.advance("1d");
    await client.worker().drain();
    expect(pruned).toEqual([2]);
  });

  it("runs what is due alone under its name, over the server's marks", async () => {
    await using both = await pair({ client: { tasks } });
    const { client } = both;
    const other = both.connect();
    const { id } = await client.enqueue(quick, 1);
    const runs = await Promise.all([client.run(), other.run()]);
    expect(runs.filter(({ ran }) => ran)).toHaveLength(1);
    expect(await client.run()).toMatchObject({ ran: true });
    expect((await client.get(id) as Job).state).toBe("completed");
  });

  it("of a limited token runs and works alone, beside the marks of others", async () => {
    const token = "a".repeat(43);
    const scopes = ["enqueue", "work", "read"] as const;
    const tokens = [{ name: "t", token, scopes, queues: ["default"] }];
    await using both = await pair({ api: { tokens }, client: { token, tasks } });
    const { client, server } = both;
    const { marks } = partsOf(client).broker;
    for (const mark of ["run default", "worker default"]) {
      await partsOf(server).broker.marks.take(mark, "somebody", 60_000);
    }
    await client.enqueueMany(quick, [1, 2]);
    const runs = await Promise.all([client.run({ maxJobs: 1 }), client.run({ maxJobs: 1 })]);
    expect(runs.filter(({ ran }) => ran)).toHaveLength(1);
    const worker = { name: "w", queues: ["default"] };
    const duty = { errand: client, worker, marks, queues: ["default"], mark: "worker default" };
    const first = await takeUp({ ...duty, drain: false });
    expect(await takeUp({ ...duty, drain: true })).toBeUndefined();
    await until(async () => (await client.stats()).completed === 2);
    await until(async () => (await client.workers.list()).workers[0]?.name === "w");
    await first!.stop();
    expect(await client.workers.list()).toEqual({ workers: [] });
    expect(await marks.held("worker default")).toBe(false);
  });

  it("puts a limit on a queue for all workers", async () => {
    await using both = await pair({ client: { tasks } });
    await both.client.queues.limit("default", 1);
    expect((await both.client.stats()).queues.default).toMatchObject({ limit: 1 });
    await both.client.queues.limit("default", null);
    expect((await both.server.stats()).queues.default?.limit).toBeUndefined();
  });

  it("takes names that mean something in an address", async () => {
    await using both = await pair();
    const { client } = both;
    const name = "a/b?c=d&e#f %2e";
    await client.queues.pause(name);
    expect((await client.stats()).queues[name]).toMatchObject({ paused: true });
    await expect(client.queues.pause("..")).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("asks for the queue with a comma in its name, and for no other", async () => {
    await using both = await pair();
    const { client, server } = both;
    const { broker } = partsOf(client);
    const looks = async (...queues: string[]) => (await broker.glimpse(queues)).available;
    for (const name of ["a,b", "50%", "%2C", "%25,", "%"]) {
      expect(await looks("other", name)).toBe(false);
      await server.enqueue("quick", null, { queue: name });
      expect(await looks("other", name)).toBe(true);
    }
    expect(await looks("a", "b", "50", ",", "%25", "%252C")).toBe(false);
  });
});
