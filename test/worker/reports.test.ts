import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type Job, type Task, type TaskContext } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";

type Context = TaskContext<Record<string, unknown>>;

/** What became of a job whose first attempt runs `act`, and whose second one returns "second". */
async function ran(act: (context: Context) => unknown): Promise<Job & { logs: unknown[] }> {
  const work: Task<Record<string, unknown>> = defineTask({
    name: "work",
    input: v.looseObject({ n: v.number() }),
    retry: { maxAttempts: 2, delay: 0 },
    run: async (context: Context) => context.job.attempt === 1 ? await act(context) : "second",
  });
  await using errand = await testErrand({ tasks: [work] });
  const { id } = await errand.enqueue(work, { n: 1 });
  await errand.worker().drain();
  const logs = (await errand.logs(id)).map(({ attempt, message }) => [attempt, message]);
  return { ...(await errand.get(id))!, logs };
}

const fail = (): never => {
  throw new Error("failed");
};

describe("what a handler reports", () => {
  it("is saved half a second later, long before the outcome", async () => {
    const [reported, finish] = [gate(), gate()];
    const work = defineTask({
      name: "work",
      run: async ({ progress, log, update }) => {
        progress({ done: 1 });
        progress({ done: 2, of: [3] });
        log("line");
        await update({ b: 2 });
        reported.open();
        await finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    const { id } = await errand.enqueue(work, { a: 1 });
    await using worker = errand.worker({ lease: "1h" });
    await worker.start();
    await reported.opened;
    await errand.clock.advance("500ms");
    expect(await errand.get(id)).toMatchObject({
      state: "running",
      progress: { done: 2, of: [3] },
      payload: { a: 1, b: 2 },
    });
    const line = { at: errand.clock.now() - 500, attempt: 1, message: "line" };
    expect(await errand.logs(id)).toEqual([line]);
    finish.open();
    await errand.wait(id);
    expect(await errand.logs(id)).toEqual([line]);
  });

  it.each([
    { how: "completes", end: () => "first", state: "completed", attempt: 1 },
    { how: "fails", end: fail, state: "completed", attempt: 2 },
    {
      how: "snoozes",
      end: ({ snooze }: Context) => snooze("1h"),
      state: "scheduled",
      attempt: 0,
    },
  ])("is saved with the outcome of an attempt that $how", async ({ end, state, attempt }) => {
    const job = await ran(async (context) => {
      context.log("one");
      context.progress("half");
      await context.update({ added: true });
      context.log("two");
      return end(context);
    });
    expect(job).toMatchObject({
      ...{ state, attempt, progress: "half", payload: { n: 1, added: true } },
      logs: [[1, "one"], [1, "two"]],
    });
  });

  it("is saved also when the attempt times out", async () => {
    const reported = gate();
    const slow = defineTask({
      name: "slow",
      timeout: "100ms",
      retry: { maxAttempts: 1 },
      run: async ({ update, log }) => {
        await update({ b: 2 });
        log("line");
        reported.open();
        await new Promise(() => {});
      },
    });
    await using errand = await testErrand({ tasks: [slow] });
    const { id } = await errand.enqueue(slow, { a: 1 });
    await using worker = errand.worker();
    await worker.start();
    await reported.opened;
    await errand.clock.advance("100ms");
    expect(await errand.wait(id)).toMatchObject({ state: "failed", payload: { a: 1, b: 2 } });
    expect(await errand.logs(id)).toHaveLength(1);
  });

  it.each([0, "", false, [], "50 %"])("may be a progress of %j", async (value) => {
    expect((await ran(({ progress }) => progress(value))).progress).toEqual(value);
  });

  it("may not be a progress that JSON cannot carry", async () => {
    const { result, errors } = await ran(({ progress }) => progress({ n: 1n }));
    expect(result).toBe("second");
    expect(errors[0]?.message).toContain("Cannot store progress (at progress.n): a BigInt");
  });

  it("is bounded: 1,000 lines an attempt, 2,000 characters a line", async () => {
    const { logs } = await ran(({ log }) => {
      for (let n = 0; n < 1_500; n++) log("x".repeat(3_000));
    });
    expect(logs).toHaveLength(1_000);
    expect(logs[0]).toEqual([1, "x".repeat(2_000)]);
    expect(logs[999]).toEqual([1, "(later lines of this attempt are dropped)"]);
  });
});

describe("update", () => {
  it("is what the next attempt sees", async () => {
    const seen: unknown[] = [];
    const step = defineTask({
      name: "step",
      retry: { maxAttempts: 3, delay: 0 },
      run: async ({ input, job, update }) => {
        seen.push(input);
        await update({ done: job.attempt });
        if (job.attempt < 3) fail();
      },
    });
    await using errand = await testErrand({ tasks: [step] });
    const { id } = await errand.enqueue(step, { kept: "yes", done: 0 });
    await errand.worker().drain();
    expect(seen).toEqual([0, 1, 2].map((done) => ({ kept: "yes", done })));
    expect((await errand.get(id))?.payload).toEqual({ kept: "yes", done: 3 });
  });

  it("of several keys at once keeps them all", async () => {
    const { payload } = await ran(({ update }) =>
      Promise.all([update({ a: 1 }), update({ b: 2 }), update({ c: 3 })])
    );
    expect(payload).toEqual({ n: 1, a: 1, b: 2, c: 3 });
  });

  it.each<{ what: string; patch: unknown; fact: string }>([
    { what: "the schema refuses", patch: { n: "one" }, fact: "payload.n: Invalid type" },
    { what: "JSON cannot carry", patch: { x: 1n }, fact: "(at payload.x): a BigInt" },
    { what: "is no object", patch: [1], fact: "is no object to be laid over another" },
    { what: "is too large", patch: { x: "x".repeat(2 ** 20) }, fact: "bytes of JSON" },
  ])("that $what is refused, and the stored payload stays", async ({ patch, fact }) => {
    const job = await ran(({ update }) => update(patch as Record<string, unknown>));
    expect(job).toMatchObject({ result: "second", payload: { n: 1 } });
    expect(job.error?.message).toContain(fact);
  });

  it("after the end of its attempt is refused", async () => {
    const [late, refused] = [gate(), gate<unknown>()];
    const work = defineTask({
      name: "work",
      timeout: "1s",
      retry: { maxAttempts: 1 },
      run: async ({ update }) => {
        await late.opened;
        await update({ b: 2 }).catch(refused.open);
      },
    });
    await using errand = await testErrand({ tasks: [work] });
    const { id } = await errand.enqueue(work, { a: 1 });
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1s");
    await errand.wait(id);
    late.open();
    expect(await refused.opened).toMatchObject({ code: "LEASE_LOST" });
    expect((await errand.get(id))?.payload).toEqual({ a: 1 });
  });
});
