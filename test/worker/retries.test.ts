import { describe, expect, it } from "vitest";
import { defineTask, ErrandError, type RetryOptions } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";

/** The instants, in ms after the first attempt, at which a job that always fails is run. */
async function instants(retry: RetryOptions, job?: RetryOptions): Promise<number[]> {
  const at: number[] = [];
  const fail = defineTask({
    name: "fail",
    retry,
    run: () => {
      at.push(errand.clock.elapsedMs());
      throw new Error("always");
    },
  });
  await using errand = await testErrand({ tasks: [fail] });
  const { id } = await errand.enqueue(fail, {}, job === undefined ? {} : { retry: job });
  await errand.worker({ pollInterval: "1h" }).drain();
  for (let next = await errand.get(id); next?.state === "scheduled"; next = await errand.get(id)) {
    await errand.clock.advance(next.runAt.getTime() - errand.clock.now());
    await errand.worker().drain();
  }
  return at;
}

describe("A12, A15: a failed attempt is followed by another", () => {
  const delay = "1s";
  it.each<{ retry: RetryOptions; at: number[] }>([
    { retry: { delay, jitter: 0, backoff: "none" }, at: [0, 1_000, 2_000, 3_000, 4_000] },
    { retry: { delay, jitter: 0, backoff: "linear" }, at: [0, 1_000, 3_000, 6_000, 10_000] },
    { retry: { delay, jitter: 0, backoff: "exponential" }, at: [0, 1_000, 3_000, 7_000, 15_000] },
    { retry: { delay, jitter: 0, maxDelay: "2s" }, at: [0, 1_000, 3_000, 5_000, 7_000] },
    { retry: { delay, jitter: 0, maxAttempts: 2 }, at: [0, 1_000] },
    { retry: { delay, jitter: 0, maxAttempts: 1 }, at: [0] },
    { retry: { delay, jitter: 0.5, backoff: "none", maxAttempts: 3 }, at: [0, 1_250, 2_500] },
    { retry: {}, at: [0, 1_050, 3_150, 7_350, 15_750] },
    { retry: { delay: 0, maxAttempts: 3 }, at: [0, 0, 0] },
    { retry: { delay: (n) => n * 7, jitter: 0, maxAttempts: 4 }, at: [0, 7, 21, 42] },
  ])("to the millisecond: $retry", async ({ retry, at }) => {
    expect(await instants(retry)).toEqual(at);
  });

  it("by the job's word over the task's", async () => {
    const task: RetryOptions = { maxAttempts: 9, delay: "1h", jitter: 0, backoff: "none" };
    expect(await instants(task, { maxAttempts: 3, delay: 5 })).toEqual([0, 5, 10]);
  });

  it("by the default, where its delay function throws or returns nonsense", async () => {
    const retry = { maxAttempts: 2, jitter: 0 };
    const thrower = (): never => {
      throw new Error("no delay");
    };
    expect(await instants({ ...retry, delay: thrower })).toEqual([0, 1_000]);
    expect(await instants({ ...retry, delay: () => NaN })).toEqual([0, 1_000]);
  });

  it("and a started worker wakes for it by itself", async () => {
    const flaky = defineTask({
      name: "flaky",
      retry: { maxAttempts: 3, delay: "10s", jitter: 0, backoff: "none" },
      run: ({ job }) => {
        if (job.attempt < 3) throw new Error(`attempt ${job.attempt}`);
        return job.attempt;
      },
    });
    await using errand = await testErrand({ tasks: [flaky] });
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    const { id } = await errand.enqueue(flaky);
    await errand.clock.advance(19_999);
    expect(await errand.get(id)).toMatchObject({ state: "scheduled", attempt: 2 });
    await errand.clock.advance(1);
    const job = await errand.get(id);
    expect(job).toMatchObject({ state: "completed", attempt: 3, result: 3 });
    expect(job?.errors.map(({ attempt, message }) => [attempt, message])).toEqual([
      [1, "attempt 1"],
      [2, "attempt 2"],
    ]);
  });

  it("until its attempts are used up, and by hand with all of them anew", async () => {
    const fail = defineTask({
      name: "fail",
      retry: { maxAttempts: 2, delay: 0 },
      run: () => {
        throw new ErrandError("NOT_FOUND", "gone");
      },
    });
    await using errand = await testErrand({ tasks: [fail] });
    const { id } = await errand.enqueue(fail);
    expect(await errand.worker().drain()).toMatchObject({ retried: 1, failed: 1 });
    expect(await errand.get(id)).toMatchObject({ state: "failed", attempt: 2 });
    expect(await errand.retry(id)).toMatchObject({ state: "available", attempt: 0 });
    expect(await errand.worker().drain()).toMatchObject({ retried: 1, failed: 1 });
    expect((await errand.get(id))?.errors).toHaveLength(4);
  });
});

describe("A12: snooze", () => {
  it("puts the job off to the millisecond and uses no attempt", async () => {
    const at: number[][] = [];
    const nap = defineTask({
      name: "nap",
      retry: { maxAttempts: 1 },
      run: ({ job, snooze }) => {
        at.push([errand.clock.elapsedMs(), job.attempt]);
        return at.length < 4 ? snooze("90s") : "rested";
      },
    });
    await using errand = await testErrand({ tasks: [nap], clock: new FakeClock(0) });
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    const { id } = await errand.enqueue(nap);
    await errand.clock.advance("90s");
    await errand.clock.advance("90s");
    await errand.clock.advance("90s");
    expect(at).toEqual([[0, 1], [90_000, 1], [180_000, 1], [270_000, 1]]);
    expect(await errand.get(id)).toMatchObject({ state: "completed", attempt: 1, errors: [] });
  });

  it("with an unusable duration fails the attempt", async () => {
    const nap = defineTask({
      name: "nap",
      retry: { maxAttempts: 1 },
      run: ({ snooze }) => snooze("soon" as "1s"),
    });
    await using errand = await testErrand({ tasks: [nap] });
    const { id } = await errand.enqueue(nap);
    await errand.worker().drain();
    expect((await errand.get(id))?.error?.message).toContain("soon");
  });

  it("counts only if the handler does not throw afterwards", async () => {
    const nap = defineTask({
      name: "nap",
      retry: { maxAttempts: 1 },
      run: ({ snooze }) => {
        snooze("1h");
        throw new Error("after all");
      },
    });
    await using errand = await testErrand({ tasks: [nap] });
    const { id } = await errand.enqueue(nap);
    expect(await errand.worker().drain()).toMatchObject({ failed: 1, snoozed: 0 });
    expect((await errand.get(id))?.error?.message).toBe("after all");
  });
});
