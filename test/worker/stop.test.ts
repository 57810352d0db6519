import { describe, expect, it } from "vitest";
import { defineTask, type Job } from "../../mod.ts";
import { type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { tempDir } from "../support/temp.ts";

const list = (length: number) => Array.from({ length }, (_, n) => n);

/** An Errand in whose worker one of five jobs runs until its gate is opened. */
async function busy() {
  const [started, finish] = [gate(), gate<string>()];
  const runs: unknown[] = [];
  const work = defineTask({
    name: "work",
    run: ({ input }) => {
      runs.push(input);
      started.open();
      return finish.opened;
    },
  });
  const errand = await testErrand({ tasks: [work] });
  const jobs = await errand.enqueueMany(work, list(5));
  const worker = errand.worker({ concurrency: 1, grace: "10s" });
  await worker.start();
  await started.opened;
  return { errand, worker, jobs, runs, finish, [Symbol.asyncDispose]: () => errand.close() };
}

async function states(errand: TestErrand, jobs: readonly Job[]): Promise<unknown[]> {
  return (await Promise.all(jobs.map(({ id }) => errand.get(id)))).map((job) => job?.state);
}

const AVAILABLE = ["available", "available", "available", "available"];

describe("A13: stop", () => {
  it("lets what runs finish within the grace period, and begins nothing more", async () => {
    await using test = await busy();
    const stopped = test.worker.stop({ grace: "10s" });
    await test.errand.clock.advance("9s");
    test.finish.open("in time");
    await stopped;
    expect(await states(test.errand, test.jobs)).toEqual(["completed", ...AVAILABLE]);
    expect((await test.errand.get(test.jobs[0]!.id))?.result).toBe("in time");
    expect(test.runs).toEqual([0]);
  });

  it("gives back what still runs after it, without using an attempt", async () => {
    await using test = await busy();
    const released: unknown[] = [];
    test.errand.on("released", ({ id, attempt }) => released.push([id, attempt]));
    await test.worker.stop({ grace: 0 });
    expect(await states(test.errand, test.jobs)).toEqual(["available", ...AVAILABLE]);
    expect(await test.errand.get(test.jobs[0]!.id)).toMatchObject({ attempt: 0, errors: [] });
    expect(released).toEqual([[test.jobs[0]!.id, 1]]);
    test.finish.open("too late");
    await test.errand.clock.advance("1m");
    expect((await test.errand.get(test.jobs[0]!.id))?.state).toBe("available");
  });

  it("gives back what was claimed ahead", async () => {
    const [started, finish] = [gate(), gate()];
    const work = defineTask({
      name: "work",
      run: ({ input }) => {
        if (input !== 40) return;
        started.open();
        return finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, list(100));
    const worker = errand.worker({ concurrency: 1, prefetch: 20, grace: "10s" });
    await worker.start();
    await started.opened;
    await expect.poll(async () => (await errand.stats()).running).toBeGreaterThan(1);
    const stopped = worker.stop();
    finish.open();
    await stopped;
    expect(await errand.stats()).toMatchObject({ completed: 41, running: 0, available: 59 });
  });

  it("may be called again and again: all calls end together", async () => {
    await using test = await busy();
    const stops = [test.worker.stop(), test.worker.stop({ grace: "1h" }), test.worker.stop()];
    expect(await Promise.race([...stops, Promise.resolve("running")])).toBe("running");
    test.finish.open("done");
    await Promise.all(stops);
    await test.worker.stop();
    expect(await states(test.errand, test.jobs)).toEqual(["completed", ...AVAILABLE]);
  });

  it("may be called again to shorten the grace", async () => {
    await using test = await busy();
    const patient = test.worker.stop({ grace: "1h" });
    await test.worker.stop({ grace: 0 });
    await patient;
    expect(await states(test.errand, test.jobs)).toEqual(["available", ...AVAILABLE]);
  });

  it("with an unusable grace is refused, and can be called again", async () => {
    await using test = await busy();
    await expect(test.worker.stop({ grace: -1 })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(test.errand.close({ grace: -1 })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await test.errand.close({ grace: 0 });
    await expect(test.errand.stats()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  });

  it("before start makes a worker that never starts", async () => {
    const work = defineTask({ name: "work", run: () => {} });
    await using errand = await testErrand({ tasks: [work] });
    const worker = errand.worker();
    await worker.stop();
    await expect(worker.start()).rejects.toMatchObject({ code: "CONFLICT" });
    const { id } = await errand.enqueue(work);
    await errand.clock.advance("1m");
    expect((await errand.get(id))?.state).toBe("available");
  });

  it("during start leaves nothing running", async () => {
    const work = defineTask({ name: "work", run: () => {} });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, list(50));
    const worker = errand.worker();
    await Promise.all([worker.start(), worker.stop()]);
    const { running, available, completed } = await errand.stats();
    expect([running, available + completed]).toEqual([0, 50]);
  });

  it("and then a new worker runs nothing twice", async () => {
    const runs = new Map<unknown, number>();
    const work = defineTask({
      name: "work",
      run: async ({ input }) => {
        runs.set(input, (runs.get(input) ?? 0) + 1);
        await Promise.resolve();
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, list(300));
    for (let more = true; more; more = (await errand.stats()).available > 0) {
      const worker = errand.worker({ concurrency: 7 });
      await worker.start();
      await worker.stop();
    }
    expect((await errand.stats()).completed).toBe(300);
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
  });

  it("by close of its Errand stores what was finished", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const finish = gate<string>();
    const work = defineTask({ name: "work", run: () => finish.opened });
    const errand = await testErrand({ url, tasks: [work] });
    const { id } = await errand.enqueue(work);
    await errand.worker({ grace: "10s" }).start();
    const closed = errand.close();
    finish.open("stored");
    await closed;
    await using again = await testErrand({ url });
    expect(await again.get(id)).toMatchObject({ state: "completed", result: "stored" });
  });

  it("wakes a wait for the job of another worker no sooner than it ends", async () => {
    await using test = await busy();
    const ended = test.errand.wait(test.jobs[0]!.id);
    await test.worker.stop({ grace: 0 });
    expect(await Promise.race([ended, Promise.resolve("waiting")])).toBe("waiting");
    const next = test.errand.worker();
    await next.start();
    test.finish.open("by the next");
    expect((await ended).result).toBe("by the next");
  });
});
