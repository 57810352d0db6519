import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type Errand, type Job } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { tempDir } from "../support/temp.ts";

/** Runs one attempt of a handler beside a harmless job, and answers what became of the first. */
async function attempt(run: () => unknown): Promise<Job> {
  const harmful = defineTask({ name: "harmful", retry: { maxAttempts: 1 }, run });
  const harmless = defineTask({ name: "harmless", run: () => "done" });
  await using errand = await testErrand({ tasks: [harmful, harmless] });
  const { id } = await errand.enqueue(harmful);
  const beside = await errand.enqueue(harmless);
  await errand.worker({ concurrency: 1 }).drain();
  expect(await errand.get(beside.id)).toMatchObject({ state: "completed", result: "done" });
  return (await errand.get(id))!;
}

function throwing(value: unknown): () => never {
  return () => {
    throw value;
  };
}

class Hostile extends Error {
  override get name(): string {
    throw new Error("no name");
  }
  override get message(): string {
    throw new Error("no message");
  }
}

describe("a handler that throws", () => {
  it.each([
    { what: "a string", value: "text", name: "string", message: '"text"' },
    { what: "null", value: null, name: "object", message: "null" },
    { what: "undefined", value: undefined, name: "undefined", message: "undefined" },
    { what: "a BigInt", value: 7n, name: "bigint", message: "7n" },
    { what: "a symbol", value: Symbol("s"), name: "symbol", message: "Symbol(s)" },
    { what: "a frozen object", value: Object.freeze({ a: 1 }), name: "object", message: '{"a":1}' },
    {
      what: "an error with getters that throw",
      value: new Hostile(),
      name: "unknown",
      message: "the thrown value cannot be described",
    },
    {
      what: "a proxy that throws",
      value: new Proxy({}, { get: throwing("trap"), getPrototypeOf: throwing("trap") }),
      name: "unknown",
      message: "the thrown value cannot be described",
    },
  ])("$what fails its job, with words", async ({ value, name, message }) => {
    expect(await attempt(throwing(value))).toMatchObject({
      state: "failed",
      error: { code: "HANDLER", attempt: 1, name, message },
    });
    expect((await attempt(() => Promise.reject(value))).state).toBe("failed");
  });

  it("an endless message is stored within bounds", async () => {
    const { error } = await attempt(throwing(new RangeError("x".repeat(1e6))));
    expect(error?.name).toBe("RangeError");
    expect(error?.message).toHaveLength(2_000);
    expect(error?.stack?.length).toBeLessThanOrEqual(4_000);
  });

  it("a text that is no valid UTF-16 is stored nevertheless", async () => {
    expect((await attempt(throwing(new Error("half \ud800 pair \0 nul")))).state).toBe("failed");
  });
});

const cycle: Record<string, unknown> = {};
cycle.self = { cycle };

describe("a result that JSON cannot carry", () => {
  it.each<{ what: string; result: unknown; fact: string }>([
    { what: "a BigInt", result: { n: [7n] }, fact: "(at result.n[0]): a BigInt has no JSON form" },
    { what: "a cycle", result: cycle, fact: "(at result.self.cycle): it contains itself" },
    { what: "a function", result: { run: () => {} }, fact: "(at result.run): function run" },
    { what: "NaN", result: NaN, fact: "Cannot store result: NaN is no JSON number" },
    { what: "a Map", result: new Map(), fact: "a Map has no JSON form" },
    { what: "too much", result: "x".repeat(2 ** 20), fact: "1048578 bytes of JSON" },
    { what: "a toJSON that throws", result: { toJSON: throwing(new Error("no")) }, fact: "no" },
    {
      what: "a getter that throws",
      result: Object.defineProperty({}, "a", { enumerable: true, get: throwing(new Error("no")) }),
      fact: "no",
    },
    { what: "a thenable that throws", result: { then: throwing(new Error("no")) }, fact: "no" },
  ])("such as $what fails the attempt and says so", async ({ result, fact }) => {
    const job = await attempt(() => result);
    expect(job).toMatchObject({ state: "failed", error: { code: "HANDLER", attempt: 1 } });
    expect(job.error?.message).toContain(fact);
  });

  it("is tried again, as every failed attempt", async () => {
    const odd = defineTask({ name: "odd", run: ({ job }) => job.attempt === 1 ? 1n : "one" });
    await using errand = await testErrand({ tasks: [odd] });
    const { id } = await errand.enqueue(odd);
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("2s");
    expect(await errand.get(id)).toMatchObject({ state: "completed", result: "one", attempt: 2 });
  });
});

describe("a handler that never settles", () => {
  it("holds one slot until its timeout, and nothing else", async () => {
    const stuck = defineTask({
      name: "stuck",
      timeout: "1m",
      retry: { maxAttempts: 1 },
      run: () => new Promise(() => {}),
    });
    const work = defineTask({ name: "work", run: () => "done" });
    await using errand = await testErrand({ tasks: [stuck, work] });
    const { id } = await errand.enqueue(stuck);
    await using worker = errand.worker({ concurrency: 2 });
    await worker.start();
    const beside = await errand.enqueueMany(work, Array.from({ length: 20 }, () => ({})));
    expect((await errand.wait(beside[19]!.id)).state).toBe("completed");
    await errand.clock.advance("1m");
    expect((await errand.wait(id)).error?.code).toBe("TIMEOUT");
    const after = await errand.enqueueMany(work, [1, 2]);
    expect((await errand.wait(after[1]!.id)).state).toBe("completed");
  });
});

describe("a payload", () => {
  it("that no longer fits its schema fails the attempt, unseen by the handler", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const old = defineTask({ name: "resize", run: () => {} });
    const strict = defineTask({
      name: "resize",
      input: v.object({ size: v.object({ width: v.number() }) }),
      retry: { maxAttempts: 1 },
      run: () => "seen",
    });
    await using producer = await testErrand({ url, tasks: [old] });
    await using consumer = await testErrand({ url, tasks: [strict], clock: producer.clock });
    const { id } = await producer.enqueue(old, { size: { width: "wide" } });
    const { id: fits } = await producer.enqueue(old, { size: { width: 1 } });
    await consumer.worker().drain();
    const job = await consumer.get(id);
    expect(job).toMatchObject({ state: "failed", error: { code: "INVALID_INPUT", attempt: 1 } });
    expect(job?.error?.message).toContain("payload.size.width: Invalid type");
    expect((await consumer.get(fits))?.result).toBe("seen");
  });

  it("is parsed by the schema before the handler sees it", async () => {
    const when = defineTask({
      name: "when",
      input: v.object({ at: v.pipe(v.string(), v.transform((text) => new Date(text))) }),
      run: ({ input }) => input.at.getUTCFullYear(),
    });
    await using errand = await testErrand({ tasks: [when] });
    const { id } = await errand.enqueue(when, { at: "2031-02-03" });
    await errand.worker().drain();
    expect(await errand.get(id)).toMatchObject({ payload: { at: "2031-02-03" }, result: 2031 });
  });
});

describe("A11: a task that the worker does not know", () => {
  async function unknown(errand: Errand): Promise<string> {
    return (await errand.enqueue("later", { n: 1 })).id;
  }

  it("gives its job back after a pause, with NO_HANDLER to see and no attempt used", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const other = defineTask({ name: "other", run: () => {} });
    const later = defineTask({ name: "later", run: () => "served" });
    await using producer = await testErrand({ url });
    const { clock } = producer;
    await using errand = await testErrand({ url, tasks: [other], clock });
    const released = gate<string | undefined>();
    errand.on("released", ({ error }) => released.open(error?.code));
    const id = await unknown(producer);
    await using worker = errand.worker({ name: "w1" });
    await worker.start();
    expect(await released.opened).toBe("NO_HANDLER");
    const job = await errand.get(id);
    expect(job).toMatchObject({ state: "scheduled", attempt: 0, error: { code: "NO_HANDLER" } });
    expect(job?.error?.message).toContain('Worker w1 knows no task "later"');
    expect(job!.runAt.getTime()).toBe(clock.now() + 250);
    await clock.advance("2m");
    const again = await errand.get(id);
    expect(again).toMatchObject({ state: "scheduled", attempt: 0 });
    expect(again!.runAt.getTime() - again!.errors.at(-1)!.at).toBe(30_000); // grown up to that
    errand.register(later);
    await clock.advance("30s");
    expect(await errand.get(id)).toMatchObject({ state: "completed", attempt: 1 });
  });

  it("is served at once when it is registered while the worker runs", async () => {
    const other = defineTask({ name: "other", run: () => {} });
    const later = defineTask({ name: "later", queue: "new", run: () => "served" });
    await using errand = await testErrand({ tasks: [other] });
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    errand.register(later);
    const { id } = await errand.enqueue(later); // the clock stands still: no poll finds it
    expect((await errand.wait(id)).result).toBe("served");
  });

  it("is served at once when its job waited in a queue that nobody served", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const later = defineTask({ name: "later", queue: "new", run: () => "served" });
    await using producer = await testErrand({ url });
    await using errand = await testErrand({ url, clock: producer.clock });
    const { id } = await producer.enqueue(later);
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    errand.register(later);
    expect((await errand.wait(id)).result).toBe("served");
  });
});
