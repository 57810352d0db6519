import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { AttemptAborted, defineTask } from "../../mod.ts";
import { FakeClock, runTask, testErrand } from "../../src/testing/mod.ts";
import { tempDir } from "../support/temp.ts";

const resize = defineTask({
  name: "resize",
  input: v.object({ width: v.number() }),
  retry: { maxAttempts: 2, delay: "10s", jitter: 0 },
  run: ({ input }) => ({ area: input.width ** 2 }),
});

describe("a user tests a task in five lines", () => {
  it("one attempt, without a database", async () => {
    const { outcome, result } = await runTask(resize, { width: 3 });
    expect([outcome, result]).toEqual(["completed", { area: 9 }]);
  });

  it("with its queue, in memory", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const { id } = await errand.enqueue(resize, { width: 3 });
    await errand.worker().drain();
    expect((await errand.get(id))?.result).toEqual({ area: 9 });
  });

  it("over time", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    await errand.enqueue(resize, { width: 3 }, { delay: "30d" });
    await errand.clock.advance("30d");
    expect(await errand.worker().drain()).toMatchObject({ completed: 1 });
  });
});

describe("runTask", () => {
  it("answers the failure and the wait that would follow", async () => {
    const fail = defineTask({
      name: "fail",
      retry: { maxAttempts: 2, delay: "10s", jitter: 0 },
      run: () => {
        throw new TypeError("no");
      },
    });
    expect(await runTask(fail)).toMatchObject({
      outcome: "retried",
      delayMs: 10_000,
      error: { code: "HANDLER", name: "TypeError", message: "no", attempt: 1 },
    });
    const last = await runTask(fail, {}, { job: { attempt: 2 } });
    expect(last).toMatchObject({ outcome: "failed", error: { attempt: 2 } });
    expect(last).not.toHaveProperty("delayMs");
  });

  it("answers what the handler said on the way", async () => {
    const talk = defineTask({
      name: "talk",
      run: async ({ job, log, progress, update, snooze }) => {
        log(`for ${job.meta?.tenant}`);
        progress(0.5);
        await update({ b: 2 });
        return snooze("1m");
      },
    });
    const said = await runTask(talk, { a: 1 }, { job: { meta: { tenant: "t1" } } });
    expect(said).toEqual({
      ...{ outcome: "snoozed", delayMs: 60_000, logs: ["for t1"], progress: 0.5 },
      payload: { a: 1, b: 2 },
    });
  });

  it("refuses a payload that could not be enqueued", async () => {
    const wrong = { width: "3" } as unknown as { width: number };
    await expect(runTask(resize, wrong)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    const odd = { width: NaN };
    await expect(runTask(resize, odd)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("fails a result that JSON cannot carry, as a worker does", async () => {
    const odd = defineTask({ name: "odd", run: () => ({ n: 1n }) });
    expect((await runTask(odd)).error?.message).toContain("(at result.n): a BigInt");
  });

  it("holds the timeout by the clock that it is given", async () => {
    const clock = new FakeClock();
    const slow = defineTask({
      ...{ name: "slow", timeout: "10s", retry: { maxAttempts: 1 } },
      run: () => new Promise(() => {}),
    });
    const ran = runTask(slow, {}, { clock });
    await clock.advance("10s");
    expect(await ran).toMatchObject({ outcome: "failed", error: { code: "TIMEOUT" } });
  });

  it("aborts the handler's signal with the one that it is given", async () => {
    const stop = new AbortController();
    let reason: unknown;
    const wait = defineTask({
      name: "wait",
      run: ({ signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve(reason = signal.reason))
        ),
    });
    const ran = runTask(wait, {}, { signal: stop.signal });
    stop.abort();
    expect((await ran).outcome).toBe("cancelled");
    expect(reason).toBeInstanceOf(AttemptAborted);
    expect((await runTask(wait, {}, { signal: AbortSignal.abort() })).outcome).toBe("cancelled");
  });
});

describe("testErrand", () => {
  it("takes a file and a clock for tests with more than one of them", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const clock = new FakeClock("2031-01-01T00:00:00Z");
    await using producer = await testErrand({ url, clock });
    await using consumer = await testErrand({ url, clock, tasks: [resize] });
    const job = await producer.enqueue("resize", { width: 2 });
    expect(job.createdAt.toISOString()).toBe("2031-01-01T00:00:00.000Z");
    await consumer.worker().drain();
    expect((await producer.get(job.id))?.result).toEqual({ area: 4 });
  });

  it("keeps each one's jobs apart", async () => {
    await using first = await testErrand({ tasks: [resize] });
    await using second = await testErrand({ tasks: [resize] });
    await first.enqueue(resize, { width: 1 });
    expect((await second.list()).jobs).toEqual([]);
  });
});

describe("FakeClock", () => {
  it("stands still until it is moved", async () => {
    const clock = new FakeClock("2030-06-01T12:00:00Z");
    const fired: number[] = [];
    clock.timer(0, () => fired.push(0));
    await clock.turn();
    expect([clock.now(), clock.elapsedMs(), fired]).toEqual([
      ...[Date.parse("2030-06-01T12:00:00Z"), 0, []],
    ]);
    await clock.advance(0);
    expect(fired).toEqual([0]);
  });

  it("fires timers in the order of their time, each at its time", async () => {
    const clock = new FakeClock(0);
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.now()]);
    clock.timer(300, note("c"));
    clock.timer(100, () => {
      note("a")();
      clock.timer(100, note("b"));
    });
    clock.timer(301, note("later"));
    const cancel = clock.timer(50, note("cancelled"));
    cancel();
    await clock.advance(300);
    expect(fired).toEqual([["a", 100], ["b", 200], ["c", 300]]);
    expect(clock.now()).toBe(300);
  });

  it("lets what a timer sets off happen before the next one", async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    clock.timer(1, async () => {
      await clock.turn();
      await clock.turn();
      order.push("first");
    });
    clock.timer(2, () => order.push("second"));
    await clock.advance(2);
    expect(order).toEqual(["first", "second"]);
  });

  it("draws the chance that it is given", () => {
    expect([new FakeClock().random(), new FakeClock(0, () => 0.9).random()]).toEqual([0.5, 0.9]);
  });

  it("has little to do while an hour passes for an idle worker in memory", async () => {
    let timers = 0;
    class Counting extends FakeClock {
      override timer(delayMs: number, run: () => void): () => void {
        timers++;
        return super.timer(delayMs, run);
      }
    }
    await using errand = await testErrand({ tasks: [resize], clock: new Counting() });
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1h");
    expect(timers).toBeLessThan(5_000); // no other process to look for each 10 ms
  });
});
