// Section C of what other small queues got wrong: the defects of a worker.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { tempDir } from "../support/temp.ts";

describe("what was wrong with workers", () => {
  it("C1: four workers of one process run 3,000 jobs 3,000 times", async () => {
    const runs: string[] = [];
    const count = defineTask({ name: "count", run: ({ job }) => void runs.push(job.id) });
    await using errand = await testErrand({ tasks: [count] });
    const jobs = await errand.enqueueMany(count, Array.from({ length: 3_000 }, () => ({})));
    const drains = await Promise.all([1, 2, 3, 4].map(() => errand.worker().drain()));
    expect(drains.reduce((sum, { completed }) => sum + completed, 0)).toBe(3_000);
    expect([...runs].sort()).toEqual(jobs.map(({ id }) => id));
  });

  it("C2: whatever a handler throws, its job ends and the worker goes on", async () => {
    const thrown: unknown[] = [new Error("error"), "text", null, undefined, 7n, {}, Symbol("s")];
    const fail = defineTask({
      name: "fail",
      retry: { maxAttempts: 1 },
      run: ({ input }) => {
        throw thrown[input as number];
      },
    });
    const work = defineTask({ name: "work", run: () => "done" });
    await using errand = await testErrand({ tasks: [fail, work] });
    await errand.enqueueMany(fail, thrown.map((_, index) => index));
    const last = await errand.enqueue(work);
    expect(await errand.worker({ concurrency: 1 }).drain()).toMatchObject({
      ended: "empty",
      completed: 1,
      failed: thrown.length,
      remaining: { available: 0, scheduled: 0, running: 0 },
    });
    expect((await errand.get(last.id))?.result).toBe("done");
  });

  it("C4: a worker sleeps neither after a job nor between jobs", async () => {
    const work = defineTask({ name: "work", run: () => {} });
    await using errand = await testErrand({ tasks: [work] }); // its clock stands still
    await errand.enqueueMany(work, Array.from({ length: 1_000 }, () => ({})));
    const drained = await errand.worker({ concurrency: 3, pollInterval: "1h" }).drain();
    expect([drained.completed, errand.clock.elapsedMs()]).toEqual([1_000, 0]);
  });

  it("C4: a job of the future holds no slot", async () => {
    const work = defineTask({ name: "work", run: () => {} });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, Array.from({ length: 100 }, () => ({})), { delay: "1h" });
    await errand.enqueue(work, {}, { priority: -1 });
    const drained = await errand.worker({ concurrency: 1 }).drain();
    expect(drained).toMatchObject({ completed: 1, remaining: { scheduled: 100, running: 0 } });
  });

  it("C7: a poison job blocks none of those behind it", async () => {
    const order: string[] = [];
    const work = defineTask({
      name: "work",
      retry: { maxAttempts: 3, delay: "1m" },
      run: ({ input }) => {
        order.push(input as string);
        if (input === "poison") throw new Error("poison");
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, ["poison", "a", "b"]);
    await errand.worker({ concurrency: 1 }).drain();
    expect(order).toEqual(["poison", "a", "b"]);
  });

  it("C7: equal work that is enqueued while the first copy runs is run too", async () => {
    const started = gate();
    const finish = gate();
    let runs = 0;
    const work = defineTask({
      name: "work",
      run: () => {
        runs++;
        started.open();
        return finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work, { same: true });
    const drained = errand.worker({ concurrency: 1 }).drain();
    await started.opened;
    await errand.enqueue(work, { same: true });
    finish.open();
    expect([(await drained).completed, runs]).toEqual([2, 2]);
  });

  it("C9: a success on a retry is executed no more, and a timeout ends its attempt", async () => {
    const runs: string[] = [];
    const work = defineTask<string>({
      name: "work",
      timeout: "5s",
      retry: { maxAttempts: 2, delay: 0 },
      run: ({ input, job, signal }) => {
        runs.push(`${input} ${job.attempt}`);
        if (job.attempt === 2) return "late but well";
        if (input === "fails") throw new Error("first");
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve("never")));
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, ["fails", "hangs"]);
    await using worker = errand.worker();
    await worker.start();
    await expect.poll(() => runs).toContain("hangs 1");
    await errand.clock.advance("5s");
    await expect.poll(async () => (await errand.stats()).completed).toBe(2);
    await errand.clock.advance("1h");
    expect(await errand.worker().drain()).toMatchObject({ ended: "empty", completed: 0 });
    expect(runs.sort()).toEqual(["fails 1", "fails 2", "hangs 1", "hangs 2"]);
    const { jobs } = await errand.list();
    expect(jobs.map(({ result }) => result)).toEqual(["late but well", "late but well"]);
    expect(jobs.map(({ error }) => error!.code).sort()).toEqual(["HANDLER", "TIMEOUT"]);
  });

  it("C12: a limit of 1 holds, however often and from wherever the worker is woken", async () => {
    let running = 0;
    let most = 0;
    const work = defineTask({
      name: "work",
      run: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
      },
    });
    await using errand = await Errand.open({ url: ":memory:", tasks: [work] });
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    const one = async (): Promise<void> => {
      const { id } = await errand.enqueue(work);
      expect((await errand.wait(id)).state).toBe("completed");
    };
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 5; i++) await one();
    }));
    expect(most).toBe(1);
  });

  it("C12: who holds a job no more cannot end it; the job of a dead worker lives", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const [late, done] = [gate<string>(), gate<string>()];
    const first = defineTask({ name: "work", run: () => late.opened });
    const second = defineTask({ name: "work", run: () => done.opened });
    // the second one's clock is a month ahead: for it, the first one has been dead for long
    await using errand1 = await testErrand({ url, tasks: [first], clock: new FakeClock(0) });
    await using errand2 = await testErrand({
      url,
      tasks: [second],
      clock: new FakeClock(30 * 86_400_000),
    });
    const lost = gate<string>();
    errand1.on("lost", ({ reason }) => lost.open(reason));
    const { id } = await errand1.enqueue(first);
    await using worker1 = errand1.worker();
    await worker1.start();
    await using worker2 = errand2.worker();
    await worker2.start();
    await expect.poll(async () => (await errand2.get(id))?.attempt).toBe(2);
    late.open("from the dead");
    expect(await lost.opened).toBe("LEASE_LOST");
    expect(await errand1.get(id)).toMatchObject({ state: "running", attempt: 2 });
    done.open("from the living");
    const ended = await errand2.wait(id);
    expect(ended).toMatchObject({ state: "completed", result: "from the living", attempt: 2 });
  });
});
