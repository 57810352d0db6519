import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type Job } from "../mod.ts";
import { FakeClock, testErrand } from "../src/testing/mod.ts";
import { MAY_STALL } from "./support/stall.ts";
import { tempDir } from "./support/temp.ts";
import { until } from "./support/until.ts";

const quick = defineTask({ name: "quick", run: () => ({ answer: 42 }) });
const broken = defineTask({
  name: "broken",
  retry: { maxAttempts: 1 },
  run: () => {
    throw new TypeError("It broke");
  },
});

/** Whether a promise has settled, without waiting for it. */
function watch(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  const settle = () => state.settled = true;
  promise.then(settle, settle);
  return state;
}

describe("A17: wait", () => {
  it("resolves with the result once the job has completed", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const waiting = errand.wait(await errand.enqueue(quick));
    const state = watch(waiting);
    await errand.clock.advance("5s");
    expect(state.settled).toBe(false);
    await errand.worker().drain();
    expect((await waiting).result?.answer).toBe(42);
  });

  it("resolves with the error once the job has failed", async () => {
    await using errand = await testErrand({ tasks: [broken] });
    const { id } = await errand.enqueue(broken);
    const waiting = errand.wait(id);
    await errand.worker().drain();
    expect(await waiting).toMatchObject({
      state: "failed",
      error: { code: "HANDLER", name: "TypeError", message: "It broke", attempt: 1 },
    });
  });

  it("resolves at once for a job that has ended", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    await errand.worker().drain();
    expect((await errand.wait(id)).state).toBe("completed");
  });

  it("resolves when the job is cancelled", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    const waiting = errand.wait(id);
    await errand.cancel(id);
    expect((await waiting).state).toBe("cancelled");
  });

  it("rejects with NOT_FOUND when the job is removed", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    const waiting = errand.wait(id);
    const rejected = expect(waiting).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `Cannot wait for job "${id}": there is no such job, or it was removed`,
    });
    await errand.remove(id);
    await rejected;
  });

  it("rejects with NOT_FOUND for a job that never was", async () => {
    await using errand = await testErrand();
    await expect(errand.wait("nobody")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("returns the job as it is after its timeout, and not before", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick, undefined, { delay: "1h" });
    const waiting = errand.wait(id, { timeout: "30s" });
    const state = watch(waiting);
    await errand.clock.advance(29_999);
    expect(state.settled).toBe(false);
    await errand.clock.advance(1);
    expect((await waiting).state).toBe("scheduled");
  });

  it("looks once without a time to wait", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    expect((await errand.wait(id, { timeout: 0 })).state).toBe("available");
  });

  it("rejects with the signal's reason, before and while it waits", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    await expect(errand.wait(id, { signal: AbortSignal.abort(new Error("early")) }))
      .rejects.toThrow("early");
    const controller = new AbortController();
    const waiting = expect(errand.wait(id, { signal: controller.signal })).rejects.toThrow("late");
    await errand.clock.advance(1);
    controller.abort(new Error("late"));
    await waiting;
  });

  it("hears of an abort that comes while it looks", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick);
    const controller = new AbortController();
    const waiting = expect(errand.wait(id, { signal: controller.signal })).rejects.toThrow("now");
    controller.abort(new Error("now"));
    await waiting; // the clock stands still, so no backstop can help
  });

  it("goes on over a retry by hand and ends with the second end", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const { id } = await errand.enqueue(quick, undefined, { delay: "1m" });
    const waiting = errand.wait(id);
    const state = watch(waiting);
    const worker = errand.worker();
    await worker.start();
    await errand.clock.advance("59s");
    expect(state.settled).toBe(false);
    await errand.clock.advance("2s");
    expect((await waiting).state).toBe("completed");
    await worker.stop();
  });

  it("misses no end that falls between its look and its subscription", async () => {
    // the job ends while the answer of the look, taken before, is still on its way
    const client = createClient({ url: ":memory:" });
    const gate: { release?: () => void; armed: boolean } = { armed: false };
    const slow = new Proxy(client, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        if (key !== "batch" || !gate.armed) return value.bind(target);
        return async (...args: unknown[]) => {
          gate.armed = false;
          const answer: unknown = await value.apply(target, args);
          await new Promise<void>((resolve) => gate.release = resolve);
          return answer;
        };
      },
    });
    const clock = new FakeClock();
    const direct = await Errand.open({ client, clock, tasks: [quick] });
    const errand = await Errand.open({ client: slow, clock });
    const { id } = await direct.enqueue(quick);
    gate.armed = true;
    const waiting = errand.wait(id);
    await until(() => expect(gate.release).toBeDefined());
    await direct.cancel(id);
    gate.release!();
    const state = watch(waiting);
    await clock.advance("2s"); // the slow backstop: another Errand cannot signal this one
    expect(state.settled).toBe(true);
    expect((await waiting).state).toBe("cancelled");
    await Promise.all([errand.close(), direct.close()]);
    client.close();
  });

  it("hears of its own process at once, without a clock that moves", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const jobs = await errand.enqueueMany(quick, Array.from({ length: 50 }));
    const waiting = Promise.all(jobs.map(({ id }) => errand.wait(id)));
    await errand.worker().drain();
    expect(new Set((await waiting).map((job: Job) => job.state))).toEqual(new Set(["completed"]));
  });

  it.each<[string, (other: Errand, id: string) => Promise<unknown>, string]>([
    ["completes", (other) => other.worker().drain(), "completed"],
    ["cancels", (other, id) => other.cancel(id), "cancelled"],
    ["removes", (other, id) => other.remove(id), "NOT_FOUND"],
  ])(
    "hears soon of what another Errand on the same file %s",
    MAY_STALL,
    async (_, end, expected) => {
      await using dir = await tempDir();
      const url = `file:${dir.file("errand.db")}`;
      await using first = await Errand.open({ url, tasks: [quick] });
      await using second = await Errand.open({ url });
      const { id } = await first.enqueue(quick);
      const startMs = performance.now();
      const waiting = second.wait(id).then(({ state }) => state, ({ code }) => code);
      await end(first, id);
      expect(await waiting).toBe(expected);
      expect(performance.now() - startMs).toBeLessThan(1_500); // the backstop looks after 2 s
    },
  );
});
