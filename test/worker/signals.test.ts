import { describe, expect, it } from "vitest";
import { AttemptAborted, defineTask } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { tempDir } from "../support/temp.ts";

/** A task that runs until its signal aborts, and then tells the reason. */
function obedient(retry = { maxAttempts: 1 }) {
  const started = gate();
  const ended = gate<AttemptAborted>();
  const task = defineTask({
    name: "work",
    retry,
    timeout: "10s",
    run: ({ signal }) => {
      started.open();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          ended.open(signal.reason);
          reject(signal.reason);
        })
      );
    },
  });
  return { task, started, ended };
}

describe("A18: the signal of an attempt", () => {
  it("aborts by timeout, which is a failed attempt", async () => {
    const { task, started, ended } = obedient();
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task);
    await using worker = errand.worker();
    await worker.start();
    await started.opened;
    await errand.clock.advance(9_999);
    expect((await errand.get(id))?.state).toBe("running");
    await errand.clock.advance(1);
    const reason = await ended.opened;
    expect(reason).toBeInstanceOf(AttemptAborted);
    expect(reason).toMatchObject({ name: "TimeoutError", reason: "timeout" });
    expect(await errand.wait(id)).toMatchObject({
      state: "failed",
      attempt: 1,
      error: { code: "TIMEOUT", message: "The attempt took longer than its timeout of 10000 ms" },
    });
  });

  it("aborts by timeout also where a handler looks at it only afterwards", async () => {
    const look = gate();
    const seen = gate<unknown>();
    const late = defineTask({
      name: "late",
      timeout: "1s",
      retry: { maxAttempts: 1 },
      run: async (context) => {
        await look.opened;
        seen.open([context.signal.aborted, context.signal.reason?.reason]);
      },
    });
    await using errand = await testErrand({ tasks: [late] });
    const { id } = await errand.enqueue(late);
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1s");
    expect((await errand.wait(id)).state).toBe("failed");
    look.open();
    expect(await seen.opened).toEqual([true, "timeout"]);
  });

  it("aborts at once when the job is cancelled in the same process", async () => {
    const { task, started, ended } = obedient();
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task);
    await using worker = errand.worker();
    await worker.start();
    await started.opened;
    await errand.cancel(id); // the clock stands still: no heartbeat brings the news
    expect(await ended.opened).toMatchObject({ name: "AbortError", reason: "cancelled" });
    expect(await errand.get(id)).toMatchObject({ state: "cancelled", errors: [] });
  });

  it("aborts with the next heartbeat when another Errand cancels the job", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const { task, started, ended } = obedient();
    await using errand = await testErrand({ url, tasks: [task] });
    await using other = await testErrand({ url, clock: errand.clock });
    const { id } = await errand.enqueue(task);
    await using worker = errand.worker({ lease: "6s" });
    await worker.start();
    await started.opened;
    const lost = gate<string>();
    errand.on("lost", ({ reason }) => lost.open(reason));
    await other.cancel(id);
    await errand.clock.advance("2s");
    expect(await ended.opened).toMatchObject({ reason: "cancelled" });
    expect(await lost.opened).toBe("CANCELLED");
    expect((await errand.get(id))?.state).toBe("cancelled");
  });

  it("aborts when the lease was lost to another worker", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const { task, started, ended } = obedient({ maxAttempts: 2 });
    await using errand = await testErrand({ url, tasks: [task] });
    const { id } = await errand.enqueue(task);
    await using worker = errand.worker({ lease: "6s" });
    await worker.start();
    await started.opened;
    const other = defineTask({ name: "work", run: () => "by another" });
    const later = new FakeClock(errand.clock.now() + 7_000);
    await using elsewhere = await testErrand({ url, tasks: [other], clock: later });
    await elsewhere.worker().drain();
    await errand.clock.advance("2s");
    expect(await ended.opened).toMatchObject({ name: "AbortError", reason: "lease-lost" });
    expect(await errand.get(id)).toMatchObject({ state: "completed", result: "by another" });
  });

  it("aborts at shutdown once the grace period is over, and the job loses no attempt", async () => {
    const { task, started, ended } = obedient();
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task);
    const worker = errand.worker();
    await worker.start();
    await started.opened;
    const stopped = worker.stop({ grace: "5s" });
    await errand.clock.advance(4_999);
    expect((await errand.get(id))?.state).toBe("running");
    await errand.clock.advance(1);
    expect(await ended.opened).toMatchObject({ name: "AbortError", reason: "shutdown" });
    await stopped;
    expect(await errand.get(id)).toMatchObject({ state: "available", attempt: 0, errors: [] });
  });
});

describe("what comes after the end of an attempt", () => {
  it.each([
    { after: "a result", finish: () => "too late" },
    { after: "an error", finish: () => Promise.reject(new Error("too late")) },
  ])("$after that comes after the timeout changes nothing", async ({ finish }) => {
    const late = gate();
    const over = gate();
    let runs = 0;
    const work = defineTask({
      name: "work",
      timeout: "1s",
      retry: { maxAttempts: 2, delay: "1m", jitter: 0 },
      run: async ({ job }) => {
        runs++;
        if (job.attempt === 2) return "in time";
        await late.opened;
        queueMicrotask(() => over.open());
        return finish();
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    const { id } = await errand.enqueue(work);
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1s");
    late.open();
    await over.opened;
    await errand.clock.advance(0);
    expect(await errand.get(id)).toMatchObject({ state: "scheduled", error: { code: "TIMEOUT" } });
    await errand.clock.advance("1m");
    expect(await errand.wait(id)).toMatchObject({ state: "completed", result: "in time" });
    expect([runs, (await errand.get(id))?.errors.length]).toEqual([2, 1]);
  });

  it("a result that comes after the job was cancelled changes nothing", async () => {
    const [started, late] = [gate(), gate<string>()];
    const work = defineTask({
      name: "work",
      run: () => {
        started.open();
        return late.opened;
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    const { id } = await errand.enqueue(work);
    await using worker = errand.worker();
    await worker.start();
    await started.opened;
    await errand.cancel(id);
    late.open("too late");
    await errand.clock.advance("1m");
    const job = await errand.get(id);
    expect([job?.state, job?.result]).toEqual(["cancelled", undefined]);
  });
});
