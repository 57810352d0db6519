import { describe, expect, it, vi } from "vitest";
import { defineTask, type ErrandEvents, type EventName, type Logger } from "../mod.ts";
import { Events } from "../src/events.ts";
import { invalid } from "../src/errors.ts";
import { partsOf } from "../src/parts.ts";
import { type TestErrand, testErrand } from "../src/testing/mod.ts";

const quick = defineTask({ name: "quick", run: () => 42 });
const flaky = defineTask({
  name: "flaky",
  retry: { maxAttempts: 2, delay: "1s", jitter: 0 },
  run: () => {
    throw new Error("It broke");
  },
});
const NAMES: readonly EventName[] = [
  ...["enqueued", "started", "completed", "failed", "snoozed", "released", "lost"] as const,
  ...["rescued", "cancelled", "retried", "removed", "pruned", "paused", "resumed"] as const,
  "error",
];

/** Every event of an Errand, in its order. */
function record(errand: TestErrand): (readonly [EventName, ErrandEvents[EventName]])[] {
  const heard: (readonly [EventName, ErrandEvents[EventName]])[] = [];
  for (const name of NAMES) errand.on(name, (event) => heard.push([name, event]));
  return heard;
}

describe("events", () => {
  it("tell of a job that completes", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const heard = record(errand);
    const job = await errand.enqueue(quick);
    await errand.worker({ name: "w" }).drain();
    const ref = { id: job.id, task: "quick", queue: "default", attempt: 1, worker: "w" };
    expect(heard).toEqual([
      ["enqueued", { job }],
      ["started", ref],
      ["completed", { ...ref, result: 42, durationMs: 0 }],
    ]);
  });

  it("tell of each failure, and whether another attempt follows", async () => {
    await using errand = await testErrand({ tasks: [flaky] });
    await errand.enqueue(flaky);
    const heard = record(errand);
    await errand.worker().drain();
    await errand.clock.advance("1s");
    await errand.worker().drain();
    const failures = heard.filter(([name]) => name === "failed").map(([, event]) => event);
    expect(failures).toMatchObject([
      { attempt: 1, willRetry: true, delayMs: 1_000, error: { message: "It broke" } },
      { attempt: 2, willRetry: false, error: { message: "It broke" } },
    ]);
  });

  it("tell of a snooze", async () => {
    const nap = defineTask({ name: "nap", run: ({ snooze }) => snooze("5m") });
    await using errand = await testErrand({ tasks: [nap] });
    await errand.enqueue(nap);
    const heard = record(errand);
    await errand.worker().drain();
    expect(heard.map(([name]) => name)).toEqual(["started", "snoozed"]);
    expect(heard[1]![1]).toMatchObject({ task: "nap", delayMs: 300_000 });
  });

  it("tell of what is done by hand, once", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const heard = record(errand);
    const { id } = await errand.enqueue(quick);
    await errand.cancel(id);
    await errand.cancel(id);
    await errand.retry(id);
    await errand.remove(id);
    await errand.queues.pause("q");
    await errand.queues.pause("q");
    await errand.queues.resume("q");
    await errand.queues.resume("q");
    expect(heard.map(([name]) => name)).toEqual([
      ...["enqueued", "cancelled", "retried", "removed", "paused", "resumed"],
    ]);
  });

  it("come after the commit that made them true", async () => {
    await using errand = await testErrand({ tasks: [quick] });
    const states: Promise<string | undefined>[] = [];
    const look = async (id: string) => (await errand.get(id))?.state;
    errand.on("enqueued", ({ job }) => states.push(look(job.id)));
    errand.on("cancelled", ({ job }) => states.push(look(job.id)));
    const { id } = await errand.enqueue(quick);
    expect(await states[0]).toBe("available");
    await errand.cancel(id);
    expect(await states[1]).toBe("cancelled");
  });

  it("are heard until the listener is taken off, also in the middle of one", async () => {
    await using errand = await testErrand();
    const heard: string[] = [];
    const offs = ["a", "b"].map((name) =>
      errand.on("enqueued", () => {
        heard.push(name);
        offs[1]!();
      })
    );
    await errand.enqueue("task");
    await errand.enqueue("task");
    expect(heard).toEqual(["a", "a"]);
    offs[0]!();
    offs[0]!();
    await errand.enqueue("task");
    expect(heard).toEqual(["a", "a"]);
  });

  it("reach every listener, also when one throws", async () => {
    const error = vi.fn();
    const logger: Logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error };
    await using errand = await testErrand({ logger });
    let heard = 0;
    const thrown = new Error("a listener broke");
    errand.on("enqueued", () => {
      throw thrown;
    });
    errand.on("enqueued", () => heard++);
    expect((await errand.enqueue("task")).state).toBe("available");
    expect(heard).toBe(1);
    expect(error).toHaveBeenCalledWith('A listener of "enqueued" threw', { error: thrown });
  });

  it("are made only when somebody listens", () => {
    const events = new Events(() => {});
    expect(events.heard("started")).toBe(false);
    const off = events.on("started", () => {});
    expect(events.heard("started")).toBe(true);
    off();
    expect(events.heard("started")).toBe(false);
  });
});

describe("the logger", () => {
  it("is none by default: the library prints nothing", async () => {
    const methods = ["debug", "info", "log", "warn", "error"] as const;
    const spies = methods.map((name) => vi.spyOn(console, name).mockImplementation(() => {}));
    try {
      await using errand = await testErrand({ tasks: [quick, flaky] });
      errand.on("enqueued", () => {
        throw new Error("a listener broke");
      });
      await errand.enqueueMany(flaky, [1, 2]);
      await errand.enqueue(quick);
      await errand.worker().drain();
      for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  it.each(
    [
      ["silent", []],
      ["error", ["error"]],
      ["warn", ["error", "warn"]],
      ["info", ["error", "info", "warn"]],
      ["debug", ["debug", "error", "info", "warn"]],
    ] as const,
  )("at level %s hears %j", async (logLevel, heard) => {
    const levels = new Set<string>();
    const secret = "payloads and results are never logged";
    const texts: string[] = [];
    const hear = (level: string) => (message: string, fields: { error?: unknown } = {}) => {
      levels.add(level);
      texts.push(message, JSON.stringify(fields), `${fields.error}`);
    };
    const logger: Logger = {
      ...{ debug: hear("debug"), info: hear("info"), warn: hear("warn"), error: hear("error") },
    };
    const echo = defineTask({ name: "echo", run: ({ input }) => input });
    let isPicky = false; // from the next deployment on, with a message that says what was given
    const validate = (value: unknown) =>
      isPicky ? { issues: [{ message: `Received ${value}`, path: ["a"] }] } : { value };
    const input = { "~standard": { version: 1, vendor: "test", validate } } as const;
    const picky = defineTask({ name: "picky", input, run: () => {} });
    await using errand = await testErrand({ tasks: [echo, flaky, picky], logger, logLevel });
    await errand.enqueue(picky, secret, { retry: { maxAttempts: 1 } });
    isPicky = true;
    await errand.enqueue(echo, secret);
    await errand.enqueue(flaky);
    await errand.enqueue(flaky, undefined, { retry: { maxAttempts: 1 } });
    await errand.worker().drain();
    const issue = { message: `Received ${secret}`, path: ["a"] };
    const error = invalid(`Cannot update a job: payload.a: ${issue.message}`, [issue]);
    partsOf(errand).events.emit("error", { error, during: "heartbeat" });
    expect([...levels].sort()).toEqual(heard);
    expect(texts.join("\n")).not.toContain(secret);
    expect(texts.includes("ErrandError: Cannot update a job: payload.a"))
      .toBe(heard.length > 0);
  });
});
