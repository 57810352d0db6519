// What small queues offer their users, shown in a few lines each; the details have suites of
// their own.
import { createClient } from "@libsql/client";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type Logger, type LogLevel, type TaskContext } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { gate } from "./support/gate.ts";
import { tempDir } from "./support/temp.ts";

const echo = defineTask({ name: "echo", run: ({ input }) => input });

it("A1: several handles on one file share its jobs, and the tables make themselves", async () => {
  await using dir = await tempDir();
  const url = `file:${dir.file("new.db")}`;
  await using producer = await Errand.open({ url });
  await using consumer = await Errand.open({ url, tasks: [echo] });
  const { id } = await producer.enqueue("echo", 5);
  await consumer.worker().drain();
  expect(await producer.get(id)).toMatchObject({ state: "completed", result: 5 });
});

it("A2: a payload's fields are typed, have defaults and checks, and are searched by", async () => {
  const input = v.object({
    at: v.pipe(v.string(), v.isoTimestamp()),
    count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    done: v.boolean(),
  });
  const seen: unknown[] = [];
  const typed = defineTask({
    ...{ name: "typed", input, index: ["count", "done"] },
    run: ({ input }) => void seen.push(input),
  });
  await using errand = await testErrand({ tasks: [typed] });
  const at = "2030-01-01T00:00:00Z";
  await errand.enqueue(typed, { at, count: 3, done: true });
  await errand.enqueue(typed, { at, done: false });
  await expect(errand.enqueue(typed, { at: "soon", done: true })).rejects.toThrow("payload.at");
  await expect(errand.enqueue(typed, { at, count: 0.5, done: true })).rejects.toThrow("count");
  await errand.worker({ concurrency: 1 }).drain();
  expect(seen).toEqual([{ at, count: 3, done: true }, { at, count: 1, done: false }]);
  const { jobs } = await errand.list({ where: { count: 3, done: true } });
  expect(jobs.map(({ payload }) => payload)).toEqual([{ at, count: 3, done: true }]);
});

it("A3: the handler changes its job's data, and that is saved with the final status", async () => {
  const pages = defineTask<{ page: number; of: number }>({
    name: "pages",
    retry: { maxAttempts: 1 },
    run: async ({ input, update }) => {
      await update({ page: input.page + 1 });
      if (input.of === 0) throw new Error("no pages");
    },
  });
  await using errand = await testErrand({ tasks: [pages] });
  const good = await errand.enqueue(pages, { page: 1, of: 2 });
  const bad = await errand.enqueue(pages, { page: 5, of: 0 });
  await errand.worker().drain();
  const [ended, failed] = [await errand.get(good.id), await errand.get(bad.id)];
  expect(ended).toMatchObject({ state: "completed", payload: { page: 2, of: 2 } });
  expect(failed).toMatchObject({ state: "failed", payload: { page: 6, of: 0 } });
});

it("A4: ended jobs stay as long as they are told, and none at all for 0", async () => {
  await using errand = await testErrand({ tasks: [echo] });
  for (const retention of ["forever", "1h", 0] as const) {
    await errand.enqueue(echo, { kept: retention }, { retention });
  }
  const kept = async () => {
    await errand.worker().drain();
    return (await errand.list({ order: "oldest" })).jobs.map(({ result }) => result);
  };
  expect(await kept()).toEqual([{ kept: "forever" }, { kept: "1h" }]);
  await errand.clock.advance("3650d");
  expect(await kept()).toEqual([{ kept: "forever" }]);
});

describe("A5: a worker", () => {
  it("runs jobs one after the other, or as many at once as it is told", async () => {
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    const add = (queue: string, n: number): number => {
      running.set(queue, (running.get(queue) ?? 0) + n);
      return running.get(queue)!;
    };
    const hold = gate();
    const count = defineTask({
      name: "count",
      run: async ({ job: { queue } }) => {
        most.set(queue, Math.max(add(queue, 1), most.get(queue) ?? 0));
        if (add("all", 1) === 5) hold.open();
        await hold.opened;
        add(queue, -1);
      },
    });
    await using errand = await testErrand({ tasks: [count] });
    for (const queue of ["one", "many"]) {
      await errand.enqueueMany(count, Array(10).fill(0), { queue });
    }
    await errand.worker({ queues: { one: 1, many: 4 } }).drain();
    expect([most.get("one"), most.get("many")]).toEqual([1, 4]);
  });

  it("looks again after its pollInterval at the latest, however long it was idle", async () => {
    await using dir = await tempDir();
    const client = createClient({ url: `file:${dir.file("errand.db")}` });
    await using errand = await testErrand({ client, tasks: [echo] });
    expect(() => errand.worker({ pollInterval: 9 })).toThrow(/as pollInterval/);
    await using worker = errand.worker({ pollInterval: "20s" });
    await worker.start();
    await errand.clock.advance("5m");
    const { id, statements } = await errand.statements.enqueue(echo, 1);
    await client.batch(statements, "write"); // nobody is told
    expect((await errand.get(id))!.state).toBe("available");
    await errand.clock.advance("22s");
    await expect.poll(async () => (await errand.get(id))!.state).toBe("completed");
    await errand.close();
    client.close();
  });
});

it("A6: a job is enqueued by its task's name, and its result is stored and read", async () => {
  const sum = defineTask({
    name: "sum",
    run: ({ input }) => (input as { args: number[] }).args.reduce((a, b) => a + b, 0),
  });
  await using errand = await testErrand({ tasks: [sum] });
  await using worker = errand.worker();
  await worker.start();
  const job = await errand.enqueue("sum", { args: [1, 2, 3] });
  expect((await errand.wait(job.id)).result).toBe(6);
  expect((await errand.get(job.id))!.result).toBe(6);
});

it("A7: a job that fails is failed with its error, and the worker goes on", async () => {
  const fail = defineTask({
    name: "fail",
    retry: { maxAttempts: 1 },
    run: () => {
      throw new RangeError("too far");
    },
  });
  await using errand = await testErrand({ tasks: [fail, echo] });
  const bad = await errand.enqueue(fail);
  const good = await errand.enqueue(echo, "next");
  expect(await errand.worker({ concurrency: 1 }).drain()).toMatchObject({ completed: 1 });
  expect(await errand.get(bad.id)).toMatchObject({
    state: "failed",
    error: { code: "HANDLER", name: "RangeError", message: "too far" },
  });
  expect((await errand.get(good.id))!.state).toBe("completed");
});

it("A10: a task enqueues itself", async () => {
  await using errand = await testErrand({ tasks: [echo] });
  const job = await echo.enqueue(errand, { a: 1 }, { priority: 3, unique: { key: "one" } });
  expect(job).toMatchObject({ task: "echo", payload: { a: 1 }, priority: 3, enqueued: "inserted" });
  expect((await echo.enqueue(errand, 2, { unique: { key: "one" } })).enqueued).toBe("duplicate");
});

it.each<[LogLevel, readonly string[]]>([
  ["silent", []],
  ["error", ["error"]],
  ["warn", ["error", "warn"]],
  ["info", ["error", "info", "warn"]],
  ["debug", ["debug", "error", "info", "warn"]],
])("A10: of what there is to log, level %s lets through %j", async (logLevel, wanted) => {
  const levels = new Set<string>();
  const log = (level: string) => () => void levels.add(level);
  const logger: Logger = {
    ...{ debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
  };
  const fail = defineTask({
    name: "fail",
    retry: { maxAttempts: 2, delay: 0 },
    run: () => {
      throw new Error("no");
    },
  });
  await using errand = await testErrand({ tasks: [fail, echo], logger, logLevel });
  await errand.enqueue(fail); // a warning, then an error
  await errand.enqueue(echo);
  await errand.worker().drain();
  await errand.worker().drain();
  expect([...levels].sort()).toEqual(wanted);
});

describe("A11: a queue", () => {
  it("is removed with all its jobs, also running ones, and others stay", async () => {
    await using errand = await testErrand({ tasks: [echo] });
    const reasons: unknown[] = [];
    const begun = gate();
    errand.register(defineTask({
      name: "long",
      run: async ({ signal }) => {
        const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
        begun.open();
        await aborted;
        reasons.push(signal.reason.reason);
      },
    }));
    await errand.enqueueMany(echo, [1, 2, 3], { queue: "gone" });
    await errand.worker({ queues: ["gone"] }).drain();
    await errand.enqueue("long", 0, { queue: "gone" });
    await using worker = errand.worker({ queues: { gone: 1 } });
    await worker.start();
    await begun.opened;
    await errand.enqueueMany(echo, Array(1_100).fill(0), { queue: "gone" });
    await errand.enqueue(echo, 9, { queue: "gone", delay: "1h" });
    const other = await errand.enqueue(echo, 5, { queue: "stays" });

    expect(await errand.queues.remove("gone")).toEqual({ count: 3 + 1 + 1_100 + 1 });
    expect(reasons).toEqual(["cancelled"]);
    expect((await errand.list()).jobs.map(({ id }) => id)).toEqual([other.id]);
    expect(Object.keys((await errand.stats()).queues)).toEqual(["stays"]);
  });

  it("that was removed is there again with its next job, and not paused", async () => {
    await using errand = await testErrand({ tasks: [echo] });
    await errand.queues.pause("q");
    await errand.enqueue(echo, 1, { queue: "q" });
    expect(await errand.queues.remove("q")).toEqual({ count: 1 });
    await using worker = errand.worker({ queues: ["q"] });
    await worker.start();
    const { id } = await errand.enqueue(echo, 2, { queue: "q" });
    expect((await errand.wait(id)).result).toBe(2);
  });

  it("that holds nothing is removed all the same, and no name is refused", async () => {
    await using errand = await testErrand();
    expect(await errand.queues.remove("none")).toEqual({ count: 0 });
    await expect(errand.queues.remove("")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect((await errand.stats()).queues).toEqual({});
  });
});

it("A15: a job's word goes before its task's, the task's before the default", async () => {
  const run = ({ job }: TaskContext): never => {
    throw new Error(`of ${job.maxAttempts}`);
  };
  const retry = { maxAttempts: 2, delay: "7s" } as const;
  const said = defineTask({ name: "said", retry, run });
  const unsaid = defineTask({ name: "unsaid", run });
  await using errand = await testErrand({ tasks: [said, unsaid] });
  await errand.enqueue(said, 0);
  await errand.enqueue(said, 0, { retry: { maxAttempts: 1 } });
  await errand.enqueue(unsaid, 0);
  await errand.worker().drain();
  const { jobs } = await errand.list({ order: "oldest" });
  expect(jobs.map(({ error, state }) => [error!.message, state])).toEqual([
    ["of 2", "scheduled"],
    ["of 1", "failed"],
    ["of 5", "scheduled"],
  ]);
  const waits = jobs.map(({ runAt }) => runAt.getTime() - errand.clock.now());
  expect(waits[0]).toBeGreaterThanOrEqual(6_300); // 7 s and 10 % of chance
  expect(waits[2]).toBeLessThanOrEqual(1_100);
});

it("A15: the word of a job, then of its task, goes before the default of its queue", async () => {
  const run = ({ job }: TaskContext): never => {
    throw new Error(`of ${job.maxAttempts}`);
  };
  const queues = {
    q: { retry: { maxAttempts: 3, delay: "20s", jitter: 0 }, timeout: "3s", retention: "1h" },
  } as const;
  const said = defineTask({ name: "said", queue: "q", retry: { maxAttempts: 2 }, run });
  const unsaid = defineTask({ name: "unsaid", queue: "q", run });
  const hangs = defineTask({
    name: "hangs",
    queue: "q",
    retry: { maxAttempts: 1 },
    run: () => new Promise(() => {}),
  });
  await using errand = await testErrand({ tasks: [said, unsaid, hangs], queues });
  await errand.enqueueMany(said, [0]);
  await errand.enqueue(said, 0, { retry: { maxAttempts: 1, delay: "4s" }, retention: "1m" });
  await errand.enqueue(unsaid, 0);
  await errand.enqueue(unsaid, 0, { queue: "default" });
  const last = await errand.enqueue(hangs, 0);
  await using worker = errand.worker({ concurrency: 10, queues: { q: 10, default: 10 } });
  await worker.start();
  await expect.poll(async () => (await errand.get(last.id))!.state).toBe("running");
  await errand.clock.advance("2s"); // the waits of the default queue are over
  const { jobs } = await errand.list({ order: "oldest" });
  expect(jobs.map(({ error, state }) => [error?.message, state])).toEqual([
    ["of 2", "scheduled"],
    ["of 1", "failed"],
    ["of 3", "scheduled"],
    ["of 5", "scheduled"],
    [undefined, "running"],
  ]);
  const wait = (at: number) => jobs[at]!.runAt.getTime() - jobs[at]!.startedAt!.getTime();
  expect([wait(0), wait(2)]).toEqual([20_000, 20_000]);
  await errand.clock.advance("2s");
  expect((await errand.get(last.id))?.error?.code).toBe("TIMEOUT");
  await errand.clock.advance("30m");
  expect((await errand.list({ state: "failed" })).jobs.map(({ task }) => task))
    .toContain("hangs");
  await errand.clock.advance("31m");
  await expect.poll(() => errand.get(last.id)).toBeUndefined();
});

it("A15: a queue's default that no job can carry is refused", async () => {
  const refused = (queues: unknown) =>
    expect(testErrand({ queues: queues as never })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/^Cannot use .*queue/),
    });
  await refused({ q: { retry: { delay: () => 5 } } });
  await refused({ q: { timeout: 0 } });
  await refused({ "": {} });
  await refused(7);
});

it("A22: jobs have a parent and meta, and are found by both", async () => {
  await using errand = await testErrand({ tasks: [echo] });
  const parent = await errand.enqueue(echo, "parent");
  const child = await errand.enqueue(echo, "child", { parentId: parent.id, meta: { tenant: 7 } });
  await errand.enqueue(echo, "stranger", { meta: { tenant: "7" } });
  const ids = async (filter: Parameters<Errand["list"]>[0]) =>
    (await errand.list(filter)).jobs.map(({ id }) => id);
  expect(await ids({ parentId: parent.id })).toEqual([child.id]);
  expect(await ids({ meta: { tenant: 7 } })).toEqual([child.id]);
  expect(await errand.get(child.id)).toMatchObject({ parentId: parent.id, meta: { tenant: 7 } });
});
