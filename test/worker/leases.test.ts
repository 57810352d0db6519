import { describe, expect, it } from "vitest";
import { defineTask, type ErrandEvents, type TaskOptions } from "../../mod.ts";
import { FakeClock, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

type Rescued = ErrandEvents["rescued"];
type Options = Partial<Omit<TaskOptions<unknown, unknown, unknown>, "name" | "run">>;

/**
 * A job that hangs in a worker whose clock stands still, and another Errand on the same file whose
 * clock the test moves: for that one, the worker dies at the end of its lease of 30 seconds.
 */
async function abandoned(options: Options, job = {}) {
  const dir = await tempDir();
  const url = `file:${dir.file("errand.db")}`;
  const dead = defineTask({ ...options, name: "work", run: () => new Promise(() => {}) });
  const alive = defineTask({ ...options, name: "work", run: ({ job }) => job.attempt });
  const deadErrand = await testErrand({ url, tasks: [dead] });
  const { id } = await deadErrand.enqueue(dead, {}, job);
  const worker = deadErrand.worker({ lease: "30s" });
  await worker.start();
  const clock = new FakeClock(deadErrand.clock.now());
  const errand = await testErrand({ url, tasks: [alive], clock });
  const rescued: Rescued[] = [];
  errand.on("rescued", (event) => rescued.push(event));
  return {
    errand,
    id,
    rescued,
    async [Symbol.asyncDispose]() {
      await errand.close();
      await worker.stop({ grace: 0 });
      await deadErrand.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function startedWorker(errand: TestErrand) {
  const worker = errand.worker({ lease: "30s", pollInterval: "1h" });
  await worker.start();
  return worker;
}

describe("an expired lease", () => {
  it("is noticed by any worker within a moment, and its job is run again", async () => {
    await using test = await abandoned({});
    await using _worker = await startedWorker(test.errand);
    await test.errand.clock.advance(29_999);
    expect(await test.errand.get(test.id)).toMatchObject({ state: "running", attempt: 1 });
    await test.errand.clock.advance("2s");
    const job = await test.errand.get(test.id);
    expect(job).toMatchObject({ state: "completed", attempt: 2, result: 2 });
    expect(job?.errors).toMatchObject([{
      code: "LEASE_EXPIRED",
      name: "LeaseExpired",
      attempt: 1,
    }]);
    expect(test.rescued).toEqual([
      { id: test.id, task: "work", queue: "default", attempt: 1, willRetry: true },
    ]);
  });

  it("fails a job whose attempts are used up", async () => {
    await using test = await abandoned({ retry: { maxAttempts: 1 } });
    await test.errand.clock.advance("30s");
    await test.errand.worker().drain();
    expect(await test.errand.get(test.id)).toMatchObject({
      state: "failed",
      attempt: 1,
      error: { code: "LEASE_EXPIRED" },
    });
    expect(test.rescued).toMatchObject([{ id: test.id, willRetry: false }]);
    expect(await test.errand.stats()).toMatchObject({ failed: 1, running: 0 });
  });

  it("goes by the job's own number of attempts", async () => {
    await using test = await abandoned({ retry: { maxAttempts: 1 } }, {
      retry: { maxAttempts: 2 },
    });
    await test.errand.clock.advance("30s");
    await test.errand.worker().drain();
    expect(await test.errand.get(test.id)).toMatchObject({ state: "completed", attempt: 2 });
  });

  it("fails a job whose task says so, whatever attempts are left", async () => {
    await using test = await abandoned({ onLeaseExpired: "fail", retry: { maxAttempts: 9 } });
    await test.errand.clock.advance("30s");
    await test.errand.worker().drain();
    expect((await test.errand.get(test.id))?.state).toBe("failed");
  });

  it("ends the wait of those who wait for the job", async () => {
    await using test = await abandoned({ retry: { maxAttempts: 1 } });
    await using _worker = await startedWorker(test.errand);
    const ended = test.errand.wait(test.id);
    await test.errand.clock.advance("32s");
    expect((await ended).state).toBe("failed");
  });
});

describe("heartbeats", () => {
  it("keep the lease of an attempt that lasts many times as long", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const end = gate<string>();
    let runs = 0;
    const long = defineTask({
      name: "long",
      timeout: "1d",
      run: () => {
        runs++;
        return end.opened;
      },
    });
    const clock = new FakeClock();
    await using errand = await testErrand({ url, tasks: [long], clock });
    await using other = await testErrand({ url, tasks: [long], clock });
    const { id } = await errand.enqueue(long);
    await using worker = errand.worker({ lease: "300ms" });
    await worker.start();
    for (let leases = 0; leases < 30; leases++) {
      await clock.advance("300ms");
      expect(await other.worker().drain()).toMatchObject({ remaining: { running: 1 } });
    }
    expect(await errand.get(id)).toMatchObject({ state: "running", attempt: 1 });
    end.open("done");
    expect(await errand.wait(id)).toMatchObject({ state: "completed", attempt: 1, errors: [] });
    expect(runs).toBe(1);
  });

  it("end with the last job of their lease: an idle worker's looks write nothing", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const work = defineTask({ name: "work", run: () => {} });
    await using errand = await testErrand({ url, tasks: [work] });
    await using worker = errand.worker({ lease: "60s", pollInterval: "1s" });
    await worker.start();
    const { id } = await errand.enqueue(work);
    await errand.wait(id);
    await errand.clock.advance("1s");
    using raw = openRaw(dir.file("errand.db"));
    expect(raw.rows("SELECT count(*) FROM errand_lease")).toEqual([[0]]);
    const version = raw.rows("PRAGMA data_version");
    await errand.clock.advance("18s");
    expect(raw.rows("PRAGMA data_version")).toEqual(version);
    await errand.clock.advance("2s"); // every 20 seconds it says that it lives
    expect(raw.rows("PRAGMA data_version")).not.toEqual(version);
  });
});

/** A clock that a blocked event loop sees: time has passed, and no timer has fired. */
class BlockedClock extends FakeClock {
  #blockedMs = 0;

  block(ms: number): void {
    this.#blockedMs += ms;
  }
  override now(): number {
    return super.now() + this.#blockedMs;
  }
  override databaseNow(): number {
    return this.now();
  }
  override elapsedMs(): number {
    return super.elapsedMs() + this.#blockedMs;
  }
}

describe("a handler that blocks the event loop past its lease", () => {
  it("harms no other job: none that ended elsewhere meanwhile is run again", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const ran: { blocked: unknown[]; rescued: unknown[] } = { blocked: [], rescued: [] };
    const lost: string[] = [];
    const clock = new BlockedClock();
    const block = defineTask({
      name: "work",
      run: async ({ input }) => {
        ran.blocked.push(input);
        if (input !== 9) return;
        await expect.poll(() => errand.stats()).toMatchObject({ completed: 9, running: 21 });
        await rescuer.worker().drain();
        clock.block(60_000);
      },
    });
    const rescue = defineTask({
      name: "work",
      run: ({ input }) => void ran.rescued.push(input),
    });
    await using errand = await testErrand({ url, tasks: [block], clock });
    await using rescuer = await testErrand({
      ...{ url, tasks: [rescue], clock: new FakeClock(clock.now() + 60_000) },
    });
    errand.on("lost", ({ id }) => lost.push(id));
    // nine fast ones make the worker claim ahead; the tenth blocks, with others in its hands
    const jobs = await errand.enqueueMany(block, Array.from({ length: 30 }, (_, n) => n));
    await using worker = errand.worker({ concurrency: 1, prefetch: 20, lease: "30s" });
    await worker.start();
    await expect.poll(() => lost).toContain(jobs[9]!.id);
    expect(lost.length, "it held more than the one that ran").toBeGreaterThan(1);
    await expect.poll(async () => (await errand.stats()).completed).toBe(30);
    await worker.stop();
    expect(ran.blocked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(ran.rescued).toEqual(Array.from({ length: 21 }, (_, n) => n + 9));
  });
});
