import { describe, expect, it } from "vitest";
import { defineTask, Errand, type Job } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { stored } from "./support/jobs.ts";
import { holdLock } from "./support/raw.ts";
import { tempDir } from "./support/temp.ts";

const quick = defineTask({ name: "quick", run: () => 42 });
const broken = defineTask({
  name: "broken",
  retry: { maxAttempts: 1 },
  run: () => {
    throw new Error("It broke");
  },
});

const notFound = (verb: string) => ({
  code: "NOT_FOUND",
  message: `Cannot ${verb} job "gone": there is no such job, or it was removed`,
});

/** A job in each state that a test can bring about without a worker that goes on. */
const states: Readonly<Record<string, (errand: Errand) => Promise<Job>>> = {
  scheduled: (errand) => errand.enqueue(quick, undefined, { delay: "1h" }),
  available: (errand) => errand.enqueue(quick),
  completed: async (errand) => {
    const job = await errand.enqueue(quick);
    await errand.worker().drain();
    return job;
  },
  failed: async (errand) => {
    const job = await errand.enqueue(broken);
    await errand.worker().drain();
    return job;
  },
  cancelled: async (errand) => errand.cancel((await errand.enqueue(quick)).id),
};

describe("a job that is", () => {
  it.each(Object.entries(states))("%s is got and listed as such", async (state, make) => {
    await using errand = await testErrand({ tasks: [quick, broken] });
    const { id } = await make(errand);
    const job = await errand.get(id);
    expect(job?.state).toBe(state);
    expect((await errand.list({ state: job!.state })).jobs).toEqual([job]);
    expect(await errand.stats()).toMatchObject({ [state]: 1, queues: { default: { [state]: 1 } } });
  });

  it.each(Object.entries(states))("%s is cancelled, or says why not", async (state, make) => {
    await using errand = await testErrand({ tasks: [quick, broken] });
    const { id } = await make(errand);
    if (state === "completed" || state === "failed") {
      await expect(errand.cancel(id)).rejects.toMatchObject({
        code: "CONFLICT",
        message: `Cannot cancel job ${id}: it is ${state}`,
      });
    } else {
      expect((await errand.cancel(id)).state).toBe("cancelled");
    }
  });

  it.each(Object.entries(states))("%s is retried, or says why not", async (state, make) => {
    await using errand = await testErrand({ tasks: [quick, broken] });
    const { id } = await make(errand);
    if (state === "scheduled" || state === "available") {
      await expect(errand.retry(id)).rejects.toMatchObject({
        code: "CONFLICT",
        message: `Cannot retry job ${id}: it is ${state}`,
      });
    } else {
      expect(await errand.retry(id)).toMatchObject({ state: "available", attempt: 0 });
    }
  });

  it.each(Object.entries(states))("%s is removed", async (state, make) => {
    await using errand = await testErrand({ tasks: [quick, broken] });
    const { id } = await make(errand);
    expect((await errand.remove(id)).state).toBe(state);
    expect(await errand.get(id)).toBeUndefined();
    expect((await errand.stats()).queues).toEqual({});
  });

  it("running cannot be removed or retried, and can be cancelled", async () => {
    const seen: unknown[] = [];
    const task = defineTask({
      name: "task",
      run: async ({ job, signal }) => {
        for (const verb of ["remove", "retry"] as const) {
          await errand[verb](job.id).catch((error) => seen.push(error));
        }
        seen.push((await errand.cancel(job.id)).state, (signal.reason as Error).message);
      },
    });
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task);
    await errand.worker().drain();
    expect(seen).toMatchObject([
      { code: "CONFLICT", message: `Cannot remove job ${id}: it is running` },
      { code: "CONFLICT", message: `Cannot retry job ${id}: it is running` },
      "cancelled",
      "The job was cancelled",
    ]);
    expect((await errand.get(id))?.state).toBe("cancelled");
  });

  it("gone is told as such by every verb", async () => {
    await using errand = await testErrand();
    expect(await errand.get("gone")).toBeUndefined();
    expect(await errand.logs("gone")).toEqual([]);
    await expect(errand.cancel("gone")).rejects.toMatchObject(notFound("cancel"));
    await expect(errand.retry("gone")).rejects.toMatchObject(notFound("retry"));
    await expect(errand.remove("gone")).rejects.toMatchObject(notFound("remove"));
    await expect(errand.wait("gone")).rejects.toMatchObject(notFound("wait for"));
  });
});

describe("an Errand", () => {
  it("retries by hand at the time that it is told", async () => {
    await using errand = await testErrand({ tasks: [broken] });
    const { id } = await states.failed!(errand);
    const job = await errand.retry(id, { delay: "5m" });
    expect(job).toMatchObject({ state: "scheduled", attempt: 0 });
    expect(job.runAt.getTime()).toBe(errand.clock.now() + 300_000);
    await expect(errand.retry(id, { delay: 1, runAt: 1 })).rejects.toThrow(/exclude each other/);
    await errand.clock.advance("5m");
    await errand.worker().drain();
    expect(await errand.get(id)).toMatchObject({ state: "failed", attempt: 1 });
    expect((await errand.get(id))?.errors).toHaveLength(2);
  });

  it("lists page by page what it is asked for", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const jobs = await errand.enqueueMany(quick, Array.from({ length: 7 }));
    await errand.enqueue(quick, undefined, { queue: "elsewhere", parentId: jobs[0]!.id });
    const first = await errand.list({ queue: "default", limit: 5, order: "oldest" });
    const second = await errand.list({
      ...{ queue: "default", limit: 5, order: "oldest" },
      cursor: first.cursor!,
    });
    expect([...first.jobs, ...second.jobs]).toEqual(jobs.map(stored));
    expect(second.cursor).toBeUndefined();
    expect((await errand.list({ parentId: jobs[0]!.id })).jobs).toHaveLength(1);
    expect((await errand.list({ state: ["completed", "available"] })).jobs).toHaveLength(8);
    expect((await errand.list({ task: "other" })).jobs).toEqual([]);
  });

  it("keeps what handlers log, report and update", async () => {
    const task = defineTask({
      name: "task",
      run: async ({ log, progress, update }) => {
        log("one");
        log("two");
        progress({ percent: 50 });
        await update({ step: 1 });
      },
    });
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task, { step: 0, name: "x" });
    await errand.worker().drain();
    expect((await errand.logs(id)).map(({ message, attempt }) => [message, attempt]))
      .toEqual([["one", 1], ["two", 1]]);
    expect(await errand.get(id)).toMatchObject({
      ...{ payload: { step: 1, name: "x" }, progress: { percent: 50 }, result: null },
    });
  });

  it("fails an attempt whose result JSON cannot carry, and goes on", async () => {
    let deep: unknown = 1;
    for (let i = 0; i < 1_200; i++) deep = [deep];
    const results: readonly unknown[] = [{ total: 5n }, new Map(), deep, "x".repeat(2_000_000)];
    const task = defineTask({
      name: "task",
      retry: { maxAttempts: 1 },
      run: ({ input }) => results[input as number] ?? "fine",
    });
    await using errand = await testErrand({ tasks: [task] });
    const jobs = await errand.enqueueMany(task, [0, 1, 2, 3, 4]);
    await errand.worker().drain();
    const errors = jobs.map(async ({ id }) => (await errand.get(id))?.error?.message ?? "none");
    expect(await Promise.all(errors)).toEqual([
      "Cannot store result (at result.total): a BigInt has no JSON form; pass it as text",
      "Cannot store result: a Map has no JSON form; pass an array or a plain object",
      "Cannot store result: it is more than 500 levels deep; pass it as text",
      expect.stringMatching(/^Cannot store result: it has 2000002 bytes/),
      "none",
    ]);
  });

  it("serves a task that is registered later, and no second one of its name", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    errand.register(broken, quick);
    expect((await states.failed!(errand)).task).toBe("broken");
    expect(() => errand.register(defineTask({ name: "quick", run: () => 1 })))
      .toThrow(expect.objectContaining({ code: "CONFLICT" }));
  });

  it("pauses and resumes a queue for every worker", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    await errand.queues.pause("default");
    await errand.worker().drain();
    expect((await errand.get(id))?.state).toBe("available");
    expect((await errand.stats()).queues.default).toMatchObject({ paused: true, available: 1 });
    await errand.queues.resume("default");
    await errand.worker().drain();
    expect((await errand.get(id))?.state).toBe("completed");
  });

  it("that is closed refuses every call, and closes again without harm", async () => {
    const errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    await errand.close();
    await errand.close();
    const calls = [
      () => errand.enqueue(quick),
      () => errand.enqueueMany(quick, [undefined]),
      () => errand.get(id),
      () => errand.list(),
      () => errand.logs(id),
      () => errand.cancel(id),
      () => errand.retry(id),
      () => errand.remove(id),
      () => errand.wait(id),
      () => errand.stats(),
      () => errand.queues.pause("q"),
      async () => await errand.worker().drain(),
    ];
    for (const call of calls) {
      await expect(call(), String(call)).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringMatching(/^Cannot .* closed$/),
      });
    }
  });

  it("that is closed first writes what it was asked to write", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const errand = await Errand.open({ url });
    const lock = holdLock(dir.file("errand.db"));
    const calls = [errand.enqueue("a"), errand.enqueue("b")];
    const closing = errand.close();
    lock[Symbol.dispose]();
    await closing;
    const jobs = await Promise.all(calls);
    await using again = await Errand.open({ url });
    expect((await again.list({ order: "oldest" })).jobs).toEqual(jobs.map(stored));
  });

  it("keeps its jobs, their ends and its pauses when it is opened again", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const first = await Errand.open({ url, tasks: [quick] });
    const done = await first.enqueue(quick, { n: 1 });
    await first.worker().drain();
    const later = await first.enqueue(quick, { n: 2 }, { delay: "1h" });
    await first.queues.pause("other");
    await first.close();
    await using second = await Errand.open({ url });
    expect(await second.get(done.id)).toMatchObject({ state: "completed", result: 42 });
    expect(await second.get(later.id)).toEqual(stored(later));
    expect((await second.stats()).queues.other?.paused).toBe(true);
  });
});
