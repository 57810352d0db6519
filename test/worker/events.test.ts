import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defineTask, type EventName, type Logger, type LogLevel } from "../../mod.ts";
import { type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";

const NAMES: readonly EventName[] = [
  ...["enqueued", "started", "completed", "failed", "snoozed", "released", "lost"] as const,
  ...["rescued", "cancelled", "retried", "removed", "pruned", "paused", "resumed"] as const,
  "error",
];

/** Every event of an Errand, as its name and what a test picks of it. */
function heard(errand: TestErrand): [EventName, Record<string, unknown>][] {
  const all: [EventName, Record<string, unknown>][] = [];
  for (const name of NAMES) {
    errand.on(name, (event) => all.push([name, event as unknown as Record<string, unknown>]));
  }
  return all;
}

const work = defineTask({ name: "work", run: () => ({ ok: true }) });

describe("events tell each transition in its order", () => {
  it("of a job that completes", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const events = heard(errand);
    const { id } = await errand.enqueue(work, { a: 1 });
    await errand.worker({ name: "w" }).drain();
    const attempt = { id, task: "work", queue: "default", attempt: 1, worker: "w" };
    expect(events).toEqual([
      ["enqueued", { job: expect.objectContaining({ id, state: "available", payload: { a: 1 } }) }],
      ["started", attempt],
      ["completed", { ...attempt, result: { ok: true }, durationMs: 0 }],
    ]);
  });

  it("of a job that fails, is retried and fails for good", async () => {
    const retry = { maxAttempts: 2, delay: "1s", jitter: 0 } as const;
    const fail = defineTask({ name: "fail", retry, run: () => Promise.reject(new Error("no")) });
    await using errand = await testErrand({ tasks: [fail] });
    const events = heard(errand);
    await errand.enqueue(fail);
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1s");
    const error = expect.objectContaining({ code: "HANDLER", message: "no" });
    expect(events.slice(1).map(([name, event]) => [name, event.attempt])).toEqual([
      ...[["started", 1], ["failed", 1], ["started", 2], ["failed", 2]],
    ]);
    expect(events[2]?.[1]).toMatchObject({ error, willRetry: true, delayMs: 1_000 });
    expect(events[4]?.[1]).toMatchObject({ error, willRetry: false });
    expect(events[4]?.[1]).not.toHaveProperty("delayMs");
  });

  it("of jobs that are snoozed, released, cancelled, retried and removed", async () => {
    const [started, never] = [gate(), gate()];
    const nap = defineTask({ name: "nap", run: ({ snooze }) => snooze("1h") });
    const stuck = defineTask({
      name: "stuck",
      run: () => {
        started.open();
        return never.opened;
      },
    });
    await using errand = await testErrand({ tasks: [nap, stuck] });
    const events = heard(errand);
    const { id: napping } = await errand.enqueue(nap);
    const worker = errand.worker();
    await worker.start();
    await expect.poll(() => events.at(-1)?.[0]).toBe("snoozed");
    const { id: held } = await errand.enqueue(stuck);
    await started.opened;
    await worker.stop({ grace: 0 });
    await errand.cancel(napping);
    await errand.cancel(napping); // nothing changes, nothing is told
    await errand.retry(napping);
    await errand.remove(napping);
    await errand.queues.pause("default");
    await errand.queues.pause("default");
    await errand.queues.resume("default");
    expect(events.map(([name, event]) => [
      name,
      event.id ?? (event.job as { id: string } | undefined)?.id ?? event.queue,
    ])).toEqual([
      ...[["enqueued", napping], ["started", napping], ["snoozed", napping]],
      ...[["enqueued", held], ["started", held], ["released", held]],
      ...[["cancelled", napping], ["retried", napping], ["removed", napping]],
      ...[["paused", "default"], ["resumed", "default"]],
    ]);
  });

  it("of a running job that is cancelled: cancelled, then lost", async () => {
    const [started, never] = [gate(), gate()];
    const stuck = defineTask({
      name: "stuck",
      run: () => {
        started.open();
        return never.opened;
      },
    });
    await using errand = await testErrand({ tasks: [stuck] });
    const events = heard(errand);
    const { id } = await errand.enqueue(stuck);
    await using worker = errand.worker();
    await worker.start();
    await started.opened;
    await errand.cancel(id);
    await errand.clock.advance("1m");
    expect(events.map(([name]) => name).sort()).toEqual([
      ...["cancelled", "enqueued", "lost", "started"],
    ]);
    expect(events.find(([name]) => name === "lost")?.[1]).toMatchObject({ reason: "CANCELLED" });
  });

  it("of old jobs that are pruned", async () => {
    await using errand = await testErrand({ tasks: [work], retention: "5m" });
    const events = heard(errand);
    await errand.enqueueMany(work, [1, 2, 3]);
    await errand.worker().drain();
    await errand.clock.advance("5m");
    await errand.worker().drain();
    expect(events.filter(([name]) => name === "pruned")).toEqual([["pruned", { count: 3 }]]);
    expect((await errand.stats()).completed).toBe(0);
  });

  it("after the commit: who hears of an end finds it in the database", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const states: Promise<unknown>[] = [];
    errand.on("completed", ({ id }) => states.push(errand.get(id)));
    await errand.enqueueMany(work, [1, 2, 3]);
    await errand.worker().drain();
    const found = await Promise.all(states) as { state: string }[];
    expect(found.map(({ state }) => state)).toEqual(["completed", "completed", "completed"]);
  });

  it("to each listener, whatever another one throws, until it is ended", async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    await using errand = await testErrand({ tasks: [work], logger });
    const ids: string[] = [];
    errand.on("completed", () => {
      throw new Error("a listener's");
    });
    const end = errand.on("completed", ({ id }) => ids.push(id));
    const { id } = await errand.enqueue(work);
    await errand.worker().drain();
    end();
    await errand.enqueue(work);
    await errand.worker().drain();
    expect(ids).toEqual([id]);
    expect(logger.error).toHaveBeenCalledWith('A listener of "completed" threw', {
      error: new Error("a listener's"),
    });
  });
});

describe("the logger", () => {
  const spies = ["debug", "info", "log", "warn", "error"] as const;
  beforeEach(() => spies.forEach((name) => vi.spyOn(console, name)));
  afterEach(() => vi.restoreAllMocks());

  async function busyLife(options: { logger?: Logger; logLevel?: LogLevel }): Promise<void> {
    const fail = defineTask({
      name: "fail",
      retry: { maxAttempts: 2, delay: 0 },
      run: () => Promise.reject(new Error("no")),
    });
    await using errand = await testErrand({ tasks: [work, fail], ...options });
    await errand.enqueue(work, { secret: "s3cr3t" });
    await errand.enqueue(fail);
    await errand.worker().drain();
  }

  function recorder() {
    const lines: string[] = [];
    const line = (level: string) => (message: string, fields?: unknown) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    const logger: Logger = {
      ...{ debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
    };
    return { lines, logger };
  }

  it.each<[LogLevel | undefined, string[]]>([
    ["silent", []],
    ["error", ["error"]],
    ["warn", ["warn", "error"]],
    ["info", ["info", "warn", "error"]],
    [undefined, ["info", "warn", "error"]],
    ["debug", ["debug", "info", "warn", "error"]],
  ])("at level %s hears of %j", async (logLevel, levels) => {
    const { lines, logger } = recorder();
    await busyLife({ logger, ...(logLevel !== undefined && { logLevel }) });
    const heard = new Set(lines.map((line) => line.split(" ")[0]));
    expect([...heard].sort()).toEqual([...levels].sort());
  });

  it("says what happened in words, with the job's id, and never a payload or result", async () => {
    const { lines, logger } = recorder();
    await busyLife({ logger, logLevel: "debug" });
    expect(lines.filter((line) => line.startsWith("info Job completed"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("warn Attempt failed"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("error Job failed"))).toHaveLength(1);
    expect(lines.join()).not.toContain("s3cr3t");
    expect(lines.every((line) => line.includes('"id":"'))).toBe(true);
  });

  it("alone speaks: nothing is printed, with a logger or without", async () => {
    await busyLife({});
    await busyLife({ logger: recorder().logger, logLevel: "debug" });
    for (const name of spies) expect(console[name]).not.toHaveBeenCalled();
  });
});
