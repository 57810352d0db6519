// What a close reading of the worker once found: each case failed before it was mended.
import { describe, expect, it } from "vitest";
import { defineTask, Errand, ErrandError } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { startPulse } from "../support/pulse.ts";
import { holdLock } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const noop = defineTask({ name: "noop", run: () => "done" });

describe("a worker", () => {
  it("serves a slow queue and a fast one without claiming ahead what it cannot begin", async () => {
    const finish = gate();
    const slow = defineTask({ name: "slow", queue: "slow", run: () => finish.opened });
    const fast = defineTask({ name: "fast", queue: "fast", run: () => {} });
    await using errand = await testErrand({ tasks: [slow, fast] });
    let released = 0;
    errand.on("released", () => released++);
    await errand.enqueueMany(slow, Array.from({ length: 50 }, () => null));
    await errand.enqueueMany(fast, Array.from({ length: 200 }, () => null));
    await using worker = errand.worker({ queues: { slow: 1, fast: 5 } });
    await worker.start();
    await expect.poll(async () => (await errand.stats()).completed).toBe(200);
    const { queues } = await errand.stats();
    expect(queues["slow"]).toMatchObject({ running: 1, available: 49 });
    expect(released).toBe(0);
    finish.open();
  });

  it("saves a report soon, also after jobs that ended before theirs was due", async () => {
    const started = gate();
    const finish = gate();
    const quick = defineTask({ name: "quick", run: ({ log }) => log("here") });
    const long = defineTask({
      name: "long",
      run: ({ progress }) => {
        progress(50);
        started.open();
        return finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [quick, long] });
    await using worker = errand.worker();
    await errand.enqueueMany(quick, [null, null, null]);
    await worker.start();
    await expect.poll(async () => (await errand.stats()).completed).toBe(3);
    await errand.clock.advance("1s");
    const { id } = await errand.enqueue(long);
    await started.opened;
    await errand.clock.advance("1s");
    expect((await errand.get(id))?.progress).toBe(50);
    finish.open();
  });

  it("of an Errand that is closed cannot be made", async () => {
    const errand = await testErrand({ tasks: [noop] });
    await errand.close();
    expect(() => errand.worker()).toThrow(ErrandError);
  });

  it("rescues a job as its task wishes, whoever rescues it", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const pay = defineTask({
      name: "pay",
      onLeaseExpired: "fail",
      run: () => new Promise(() => {}),
    });
    await using errand = await testErrand({ url, tasks: [pay] });
    const { clock } = errand;
    await using stranger = await testErrand({ url, tasks: [noop], clock });
    const { id } = await errand.enqueue(pay);
    const dead = errand.worker({ lease: "1s", grace: 0 });
    await dead.start();
    await expect.poll(async () => (await errand.get(id))?.state).toBe("running");
    await stranger.cancel((await stranger.enqueue(noop)).id); // it works at all
    const rescued = gate<boolean>();
    stranger.on("rescued", ({ willRetry }) => rescued.open(willRetry));
    const now = clock.databaseNow.bind(clock);
    clock.databaseNow = () => now() + 60_000; // the database's clock goes ahead of its heartbeats
    await stranger.worker().drain();
    expect(await rescued.opened).toBe(false);
    expect(await errand.get(id)).toMatchObject({ state: "failed", attempt: 1 });
  });
});

describe("listeners", () => {
  it("that reject, and a logger that throws, harm nobody", async () => {
    const fail = (): never => {
      throw new Error("the logger is broken");
    };
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    await using errand = await testErrand({ tasks: [noop], logger, logLevel: "debug" });
    errand.on("completed", () => Promise.reject(new Error("a listener that rejects")));
    errand.on("completed", fail);
    const { id } = await errand.enqueue(noop);
    await errand.worker().drain();
    expect((await errand.get(id))?.state).toBe("completed");
  });
});

describe("a database that someone keeps locked", () => {
  it("lets many calls wait together for no longer than one, and the event loop go on", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await Errand.open({ url: `file:${path}`, busyTimeout: "2s" });
    const jobs = await errand.enqueueMany(Array.from({ length: 20 }, () => ({ task: "any" })));
    using pulse = startPulse();
    using _lock = holdLock(path);
    const beganMs = performance.now();
    const results = await Promise.allSettled(jobs.map(({ id }) => errand.cancel(id)));
    const codes = results.map((of) => of.status === "rejected" ? of.reason.code : of.status);
    expect(new Set(codes)).toEqual(new Set(["DATABASE_BUSY"]));
    expect(performance.now() - beganMs).toBeLessThan(20_000); // one after the other: 40 s
    expect(pulse.longestGapMs).toBeLessThan(1_500);
  });

  it("does not hold up a drain beyond its deadline", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const errand = await Errand.open({ url: `file:${path}`, tasks: [noop], busyTimeout: "10s" });
    await errand.enqueue(noop);
    const beganMs = performance.now();
    {
      using _lock = holdLock(path);
      const { ended } = await errand.worker().drain({ deadline: "300ms" });
      expect(ended).toBe("deadline");
      expect(performance.now() - beganMs).toBeLessThan(8_000);
    }
    await errand.close();
  });

  it("gets the last outcomes of a stopping worker once it is free again", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const started = gate();
    const finish = gate();
    const work = defineTask({
      name: "work",
      run: () => {
        started.open();
        return finish.opened;
      },
    });
    await using errand = await Errand.open({
      ...{ url: `file:${path}`, tasks: [work], busyTimeout: "20ms" },
    });
    let failures = 0;
    errand.on("error", () => failures++);
    const { id } = await errand.enqueue(work);
    const worker = errand.worker();
    await worker.start();
    await started.opened;
    const lock = holdLock(path);
    finish.open();
    const stopped = worker.stop();
    await expect.poll(() => failures).toBeGreaterThan(2);
    lock[Symbol.dispose]();
    await stopped;
    expect((await errand.get(id))?.state).toBe("completed");
  });
});

describe("a relative file URL", () => {
  it("means the same file after the working directory has changed", async () => {
    await using dir = await tempDir();
    const before = process.cwd();
    process.chdir(dir.path);
    try {
      await using errand = await Errand.open({ url: "file:errand.db", tasks: [noop] });
      await errand.enqueue(noop);
      process.chdir(before);
      await errand.enqueue(noop);
      expect((await errand.stats()).available).toBe(2);
    } finally {
      process.chdir(before);
    }
  });
});
