import { type Client, createClient } from "@libsql/client";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type EnqueuedJob, type EnqueueOptions, Errand, type Job } from "../mod.ts";
import { FakeClock, testErrand } from "../src/testing/mod.ts";
import { stored } from "./support/jobs.ts";

const task = defineTask({ name: "task", run: () => "done" });
const other = defineTask({ name: "other", queue: "q2", priority: 7, run: () => "done" });

/** A client that counts the transactions it begins: Errand begins one for each batch it writes. */
function counting(client: Client): { readonly client: Client; readonly count: () => number } {
  let count = 0;
  const counted = new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === "transaction") count++;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { client: counted, count: () => count };
}

/** What can be compared of jobs that were enqueued apart. */
function comparable(job: Job | undefined): unknown {
  const { id: _, ...rest } = job!;
  return rest;
}

describe("enqueue", () => {
  it("puts all calls of one turn into one batch", async () => {
    const { client, count } = counting(createClient({ url: ":memory:" }));
    await using errand = await Errand.open({ client, tasks: [task, other] });
    const before = count();
    const jobs = await Promise.all([
      ...Array.from({ length: 100 }, (_, n) => errand.enqueue(task, n)),
      errand.enqueue(other, "x", { delay: "1h" }),
      ...Array.from({ length: 3 }, () => errand.enqueueMany(task, [1, 2])),
    ]);
    expect(count() - before).toBe(1);
    expect(new Set(jobs.flat().map(({ id }) => id)).size).toBe(107);
    expect(await errand.stats()).toMatchObject({ available: 106, scheduled: 1 });
    await errand.enqueue(task);
    expect(count() - before).toBe(2);
    await errand.close();
    client.close();
  });

  it("puts what comes while a batch is written into the next one", async () => {
    const { client, count } = counting(createClient({ url: ":memory:" }));
    await using errand = await Errand.open({ client });
    const before = count();
    const calls = [errand.enqueue("task")];
    await Promise.resolve().then(() => {});
    for (let n = 0; n < 20; n++) calls.push(errand.enqueue("task", n));
    await Promise.all(calls);
    expect(count() - before).toBe(2);
    await errand.close();
    client.close();
  });

  it("A14: of many jobs is as many single enqueues, in every respect", async () => {
    const clock = new FakeClock();
    await using errand = await testErrand({ tasks: [task, other], clock });
    const options: readonly EnqueueOptions[] = [
      {},
      { priority: -5, queue: "elsewhere" },
      { delay: "5m" },
      { runAt: clock.now() - 5_000 },
      { runAt: new Date(clock.now() + 5_000) },
      { meta: { tenant: "x", tags: [1, 2] }, parentId: "parent" },
      { retry: { maxAttempts: 3, delay: "2s", backoff: "linear" }, timeout: "9s" },
      { retention: "forever" },
      { retention: 0 },
    ];
    const kinds = [task, other].flatMap((of) =>
      options.map((option, n) => ({ of, option, payload: { n, name: of.name } }))
    );
    const many = await errand.enqueueMany(
      kinds.map(({ of, option, payload }) => ({ task: of, payload, ...option })),
    );
    const singles: EnqueuedJob[] = [];
    for (const { of, option, payload } of kinds) {
      singles.push(await errand.enqueue(of, payload, option));
    }
    const grouped = await Promise.all(
      kinds.map(({ of, option, payload }) => errand.enqueueMany(of, [payload], option)),
    );
    expect(many.map(comparable)).toEqual(singles.map(comparable));
    expect(grouped.flat().map(comparable)).toEqual(singles.map(comparable));
    for (const job of [...many, ...singles]) expect(await errand.get(job.id)).toEqual(stored(job));
  });

  it("keeps the order of calls in the order of ids, also across batches", async () => {
    await using errand = await testErrand({ tasks: [task] });
    const jobs = await Promise.all([
      errand.enqueueMany(task, [0, 1, 2]),
      errand.enqueue(task, 3, { meta: { a: 1 } }),
      errand.enqueueMany(task, [4, 5]),
    ]);
    const listed = (await errand.list({ order: "oldest" })).jobs;
    expect(listed.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(listed.map(({ id }) => id)).toEqual(jobs.flat().map(({ id }) => id));
  });

  it("of no jobs writes nothing", async () => {
    const { client, count } = counting(createClient({ url: ":memory:" }));
    await using errand = await Errand.open({ client });
    const before = count();
    expect(await errand.enqueueMany([])).toEqual([]);
    expect(await errand.enqueueMany(task, [])).toEqual([]);
    expect(count()).toBe(before);
    await errand.close();
    client.close();
  });

  it.each([
    ["a JSON string", '{"not":"parsed"}'],
    ["text that looks like a number", "1e5"],
    ["text that looks like null", "null"],
    ["an empty text", ""],
    ["a number", 12.5],
    ["a large number", 1e300],
    ["false", false],
    ["null", null],
    ["an empty list", []],
    ["an empty object", {}],
    ["nested lists and objects", [{ a: [{ b: null }] }, [[]]]],
    ["a key of every kind", { "": 1, " ": 2, "a.b": 3, '"': 4, "\n": 5, "🙂": 6, "\ud800": 7 }],
    ["text with NUL, quotes and half a character", "\u0000'\"\\\ud800\u2028🙂"],
    ["a key that objects treat as theirs", JSON.parse('{"__proto__":{"a":1},"constructor":2}')],
  ])("keeps %s as it is", async (_, payload) => {
    await using errand = await testErrand({ tasks: [task] });
    const seen: unknown[] = [];
    errand.register(defineTask({
      name: "echo",
      run: ({ input }) => {
        seen.push(input);
        return input;
      },
    }));
    const job = await errand.enqueue("echo", payload);
    expect(job.payload).toEqual(payload);
    expect((await errand.get(job.id))?.payload).toEqual(payload);
    await errand.worker().drain();
    expect(seen).toEqual([payload]);
    expect(await errand.get(job.id)).toMatchObject({ state: "completed", payload });
    expect((await errand.get(job.id))?.result).toEqual(payload);
  });

  it("stores what toJSON says, and shows the handler and the caller the same", async () => {
    await using errand = await testErrand({ tasks: [task] });
    const at = new Date("2030-01-01T00:00:00Z");
    const job = await errand.enqueue(task, { at });
    expect(job.payload).toEqual({ at: "2030-01-01T00:00:00.000Z" });
    expect(await errand.get(job.id)).toEqual(stored(job));
  });

  it("changes no payload, no option and no list of its caller's", async () => {
    const deepFrozen = { a: Object.freeze({ b: Object.freeze([1, 2]) }) };
    const payload = Object.freeze(deepFrozen);
    const options = Object.freeze({ meta: Object.freeze({ x: 1 }), retry: Object.freeze({}) });
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueue(task, payload, options);
    await errand.enqueueMany(task, Object.freeze([payload]), options);
    await errand.enqueueMany(Object.freeze([Object.freeze({ task, payload })]));
    const summary = await errand.worker().drain();
    expect(summary).toMatchObject({ completed: 3 });
    expect(payload).toEqual({ a: { b: [1, 2] } });
  });

  it("stores what was enqueued and not what the schema makes of it", async () => {
    const input = v.pipe(v.string(), v.transform((text) => text.length));
    const seen: number[] = [];
    const measure = defineTask({
      name: "measure",
      input,
      run: ({ input }) => void seen.push(input),
    });
    await using errand = await testErrand({ tasks: [measure] });
    const { id } = await errand.enqueue(measure, "four");
    await errand.worker().drain();
    expect(seen).toEqual([4]);
    expect((await errand.get(id))?.payload).toBe("four");
  });

  it("takes a schema that answers later", async () => {
    const input = v.pipeAsync(v.number(), v.checkAsync((n) => Promise.resolve(n > 0), "too low"));
    const slow = defineTask({ name: "slow", input, run: () => 1 });
    await using errand = await testErrand({ tasks: [slow] });
    expect((await errand.enqueue(slow, 5)).payload).toBe(5);
    await expect(errand.enqueue(slow, -5)).rejects.toThrow(
      /Cannot enqueue "slow": payload: too low/,
    );
    await expect(errand.enqueueMany(slow, [1, -5, 2])).rejects.toThrow("too low");
    expect((await errand.list()).jobs).toHaveLength(1);
  });

  it("by name needs no task where the Errand knows none", async () => {
    await using errand = await testErrand();
    expect(await errand.enqueue("anything", { a: 1 })).toMatchObject({
      ...{ task: "anything", queue: "default", priority: 0, payload: { a: 1 } },
    });
  });

  it("by the task is the same as through the Errand", async () => {
    await using errand = await testErrand({ tasks: [other] });
    const one = await other.enqueue(errand, 5, { meta: { a: 1 } });
    const two = await errand.enqueue(other, 5, { meta: { a: 1 } });
    expect(comparable(one)).toEqual(comparable(two));
  });
});
