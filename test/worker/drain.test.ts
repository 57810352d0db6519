import { describe, expect, it } from "vitest";
import { defineTask, ErrandError } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({ name: "work", run: () => "done" });
const list = (length: number) => Array.from({ length }, (_, n) => n);

describe("A13: drain", () => {
  it("of empty queues returns at once with nothing done and nothing to come", async () => {
    await using errand = await testErrand({ tasks: [work] });
    expect(await errand.worker().drain()).toEqual({
      ...{ completed: 0, failed: 0, retried: 0, snoozed: 0, released: 0, lost: 0 },
      ended: "empty",
      remaining: { available: 0, scheduled: 0, running: 0 },
    });
  });

  it("of a worker that serves no queue returns at once", async () => {
    await using errand = await testErrand();
    await errand.enqueue("work");
    expect(await errand.worker().drain()).toMatchObject({ ended: "empty", completed: 0 });
  });

  it("runs all that is due, also what its handlers add, and says what came of it", async () => {
    const parent = defineTask({
      name: "parent",
      run: async () => void await errand.enqueueMany(work, list(5)),
    });
    const fail = defineTask({
      name: "fail",
      retry: { maxAttempts: 2, delay: 0 },
      run: () => Promise.reject(new Error("no")),
    });
    const nap = defineTask({ name: "nap", run: ({ snooze }) => snooze("1h") });
    await using errand = await testErrand({ tasks: [work, parent, fail, nap] });
    await errand.enqueue(parent);
    await errand.enqueue(fail);
    await errand.enqueue(nap);
    expect(await errand.worker().drain()).toEqual({
      ...{ completed: 6, failed: 1, retried: 1, snoozed: 1, released: 0, lost: 0 },
      ended: "empty",
      remaining: { available: 0, scheduled: 1, running: 0 },
      nextAt: new Date(errand.clock.now() + 3_600_000),
    });
  });

  it("begins no more attempts than maxJobs, and says that the rest is due now", async () => {
    let runs = 0;
    const count = defineTask({ name: "count", run: () => void runs++ });
    await using errand = await testErrand({ tasks: [count] });
    await errand.enqueueMany(count, list(100));
    expect(await errand.worker().drain({ maxJobs: 37 })).toMatchObject({
      ended: "max-jobs",
      completed: 37,
      remaining: { available: 63, running: 0 },
      nextAt: new Date(errand.clock.now()),
    });
    expect(runs).toBe(37);
  });

  it("with as many jobs as maxJobs is not sure that nothing is left", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, list(3));
    const drained = await errand.worker().drain({ maxJobs: 3 });
    expect(drained).toMatchObject({ ended: "max-jobs", completed: 3 });
    expect(drained.nextAt).toBeUndefined();
  });

  it("returns at its deadline, and gives back what runs without using an attempt", async () => {
    const reasons: unknown[] = [];
    const slow = defineTask({
      name: "slow",
      run: ({ signal }) =>
        new Promise(() => signal.addEventListener("abort", () => reasons.push(signal.reason))),
    });
    await using errand = await testErrand({ tasks: [slow] });
    const [first] = await errand.enqueueMany(slow, list(3));
    const started = gate();
    errand.on("started", () => started.open());
    const drained = errand.worker({ concurrency: 1 }).drain({ deadline: "20s" });
    await started.opened;
    await errand.clock.advance("20s");
    expect(await drained).toMatchObject({
      ended: "deadline",
      completed: 0,
      released: 1,
      remaining: { available: 3, running: 0 },
      nextAt: new Date(errand.clock.now()),
    });
    expect(reasons).toMatchObject([{ reason: "shutdown" }]);
    expect(await errand.get(first!.id)).toMatchObject({ state: "available", attempt: 0 });
  });

  it("returns when its signal aborts, and gives back what runs", async () => {
    const slow = defineTask({ name: "slow", run: () => new Promise(() => {}) });
    await using errand = await testErrand({ tasks: [slow] });
    await errand.enqueueMany(slow, list(3));
    const stop = new AbortController();
    errand.on("started", () => queueMicrotask(() => stop.abort()));
    const drained = await errand.worker({ concurrency: 1 }).drain({ signal: stop.signal });
    expect(drained).toMatchObject({ ended: "aborted", released: 1, remaining: { available: 3 } });
  });

  it("begins nothing under a signal that has aborted before", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work);
    expect(await errand.worker().drain({ signal: AbortSignal.abort() })).toMatchObject({
      ended: "aborted",
      completed: 0,
      remaining: { available: 1 },
    });
  });

  it("waits for scheduled jobs when it is asked to", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work, {}, { delay: "3s" });
    await errand.enqueue(work, {}, { delay: "5s" });
    let ended = false;
    const drained = errand.worker().drain({ scheduled: true }).finally(() => ended = true);
    await errand.clock.advance("4s");
    expect(ended).toBe(false);
    await errand.clock.advance("2s");
    const done = await drained;
    expect(done).toMatchObject({ ended: "empty", completed: 2, remaining: { scheduled: 0 } });
    expect(done.nextAt).toBeUndefined();
  });

  it("looks at its own queues only", async () => {
    const other = defineTask({ name: "other", queue: "other", run: () => {} });
    await using errand = await testErrand({ tasks: [work, other] });
    await errand.enqueue(other);
    await errand.enqueue(work);
    expect(await errand.worker({ queues: ["default"] }).drain()).toMatchObject({
      completed: 1,
      remaining: { available: 0 },
    });
  });

  it("says for a paused queue what remains, but no time to come back", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.queues.pause("default");
    await errand.enqueue(work);
    const drained = await errand.worker().drain();
    expect(drained).toMatchObject({ ended: "empty", remaining: { available: 1 } });
    expect(drained.nextAt).toBeUndefined();
  });

  it("rescues what a vanished worker left, and runs it", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const stuck = defineTask({ name: "work", run: () => new Promise(() => {}) });
    await using vanished = await testErrand({ url, tasks: [stuck] });
    const { id } = await vanished.enqueue(stuck);
    const worker = vanished.worker({ lease: "30s" });
    await worker.start();
    const clock = new FakeClock(vanished.clock.now());
    await using errand = await testErrand({ url, tasks: [work], clock });
    await clock.advance(29_999);
    const early = await errand.worker().drain();
    expect(early).toMatchObject({ completed: 0, remaining: { running: 1 } });
    await clock.advance(1);
    expect(await errand.worker().drain()).toMatchObject({
      completed: 1,
      remaining: { running: 0 },
    });
    expect(await errand.get(id)).toMatchObject({ attempt: 2, error: { code: "LEASE_EXPIRED" } });
    await worker.stop({ grace: 0 });
  });

  it("works once a worker, and not after start", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const worker = errand.worker();
    await worker.drain();
    const conflict = expect.objectContaining({ code: "CONFLICT" });
    await expect(worker.drain()).rejects.toEqual(conflict);
    await expect(worker.start()).rejects.toBeInstanceOf(ErrandError);
    await using started = errand.worker();
    await started.start();
    await expect(started.drain()).rejects.toEqual(conflict);
  });

  it.each([0, -1, 1.5, NaN])("refuses %s as maxJobs", async (maxJobs) => {
    await using errand = await testErrand({ tasks: [work] });
    await expect(errand.worker().drain({ maxJobs })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });
});
