import { createClient } from "@libsql/client";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { defineTask, Errand, type ErrandOptions, type Job, type Task } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { runTask } from "../../src/testing/mod.ts";
import { ring } from "../support/keys.ts";
import { startPulse } from "../support/pulse.ts";
import { openRaw } from "../support/raw.ts";
import { MAY_STALL } from "../support/stall.ts";
import { tempDir } from "../support/temp.ts";
import * as tasks from "./isolated-tasks.ts";

const { block, crash, ends, forever, greedy, leftover, listed, obedient, plain, unlisted } = tasks;
const all: readonly Task[] = [
  plain,
  block,
  forever,
  obedient,
  crash,
  ends,
  greedy,
  leftover,
  ...listed,
  unlisted[0]!(),
]
  .map((task) => task as Task);
const WAIT = { timeout: "15s" } as const;

function open(options: ErrandOptions = { url: ":memory:" }): Promise<Errand> {
  return Errand.open({ tasks: all, ...options });
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text === "" ? undefined : JSON.parse(text);
}

/** Runs one job to its end. */
async function ran(task: Task, payload: unknown = {}): Promise<Job> {
  await using errand = await open();
  await using worker = errand.worker({ concurrency: 2 });
  await worker.start();
  const { id } = await errand.enqueue(task.name, payload);
  const job = await errand.wait(id, WAIT);
  return job;
}

describe("an isolated handler", () => {
  it("has its input, job, log, progress and update, and gives its result", async () => {
    await using errand = await open();
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    const results: unknown[] = [];
    for (const n of [1, 2]) {
      const { id } = await errand.enqueue(plain, { n }, { meta: { n } });
      const job = await errand.wait(id, WAIT);
      results.push(job.result);
      expect(job).toMatchObject({ state: "completed", progress: { half: true } });
      expect(job.payload).toEqual({ n, note: "seen" });
      const lines = (await errand.logs(id)).map(({ message }) => message);
      expect(lines).toEqual(["attempt 1 of plain, due true"]);
    }
    expect(results, "in one thread, which stays").toEqual([
      { double: "2", meta: { n: 1 }, runs: 1 },
      { double: "4", meta: { n: 2 }, runs: 2 },
    ]);
  });

  it("may block for twice the lease: heartbeats go on, also beside it", MAY_STALL, async () => {
    await using dir = await tempDir();
    await using errand = await open({ url: `file:${dir.file("errand.db")}` });
    await using worker = errand.worker({ concurrency: 4, lease: "2s" });
    await worker.start();
    using pulse = startPulse();
    const { id } = await errand.enqueue(block, { ms: 4_000 });
    expect(await errand.wait(id, WAIT)).toMatchObject({
      ...{ state: "completed", attempt: 1, errors: [], result: "free again" },
    });
    expect(pulse.longestGapMs).toBeLessThan(3_000);
  });

  it.each(
    [
      ["exit", "its thread ended with exit code 3, as by process.exit"],
      ["throw", "its thread ended by an error that nothing caught: stray"],
      ["reject", "its thread ended by an error that nothing caught: unheard"],
    ] as const,
  )("that crashes (%s) costs its attempt alone, and the next one runs", async (how, fact) => {
    const job = await ran(crash as Task, { how });
    expect(job).toMatchObject({ state: "completed", attempt: 2, result: "survived" });
    expect(job.errors).toMatchObject([{ code: "CRASHED", name: "Crashed", attempt: 1 }]);
    expect(job.errors[0]!.message).toBe(`The handler did not return: ${fact}`);
  });

  it.runIf(current === "node")("that takes more memory than it may is ended", async () => {
    expect(await ran(greedy as Task)).toMatchObject({
      state: "failed",
      error: {
        code: "CRASHED",
        message: "The handler did not return: its thread ran out of memory",
      },
    });
  });

  it("that never ends is ended by its timeout, and its thread is replaced", async () => {
    await using errand = await open();
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    const { id } = await errand.enqueue(forever);
    const next = await errand.enqueue(listed[0]!);
    expect(await errand.wait(id, WAIT)).toMatchObject({
      state: "failed",
      error: { code: "TIMEOUT" },
    });
    expect(await errand.wait(next, WAIT)).toMatchObject({ state: "completed", result: "found" });
  });

  it("sees why its signal aborts, and keeps its thread when it heeds it", MAY_STALL, async () => {
    await using dir = await tempDir();
    await using errand = await open();
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    await errand.wait(await errand.enqueue(listed[0]!), WAIT); // the thread is there from now on
    const late = await errand.enqueue(obedient, { path: dir.file("late") });
    expect(await errand.wait(late, WAIT)).toMatchObject({ error: { code: "TIMEOUT" } });
    const seen = (name: string): Promise<unknown> => readJson(dir.file(name));
    await expect.poll(() => seen("late")).toEqual({
      ...{ name: "TimeoutError", reason: "timeout", run: 1 },
      message: "The attempt took longer than its timeout of 1000 ms",
    });
    const gone = await errand.enqueue(obedient, { path: dir.file("gone") });
    await expect.poll(() => errand.logs(gone.id)).toHaveLength(1);
    await errand.cancel(gone.id);
    await expect.poll(() => seen("gone"))
      .toMatchObject({ name: "AbortError", reason: "cancelled", run: 2 });
  });

  it("is ended when its job is cancelled or its worker stops", async () => {
    await using errand = await open();
    const worker = errand.worker({ concurrency: 2 });
    await worker.start();
    const [a, b] = [
      await errand.enqueue(block, { ms: 60_000 }),
      await errand.enqueue(block, { ms: 60_000 }),
    ];
    for (const { id } of [a, b]) {
      await expect.poll(async () => (await errand.logs(id)).length).toBe(1);
    }
    await errand.cancel(a.id);
    const startedMs = performance.now();
    await worker.stop({ grace: 0 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(await errand.get(a.id)).toMatchObject({ state: "cancelled" });
    expect(await errand.get(b.id)).toMatchObject({ state: "available", attempt: 0 });
  });

  it.each([
    ["an error", { code: "HANDLER", name: "RangeError", message: "too far" }],
    ["a text", { code: "HANDLER", name: "string", message: '"text"' }],
    ["snooze and more", { name: "TypeError" }],
    ["no JSON", { message: expect.stringContaining("result.at") }],
    ["bad progress", { message: expect.stringContaining("Cannot store progress") }],
    ["bad update", { name: "ErrandError", message: expect.stringContaining("payload.how") }],
    ["bad snooze", { name: "ErrandError", message: expect.stringContaining("snooze") }],
    ["bad statement", { name: "ErrandError", message: expect.stringContaining("DROP") }],
  ])("that ends with %s fails with it", async (how, error) => {
    expect(await ran(ends as Task, { how })).toMatchObject({ state: "failed", error });
  });

  it("that goes on after its end speaks for no other job", async () => {
    await using dir = await tempDir();
    await using errand = await open();
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    await errand.wait(await errand.enqueue(leftover, { path: dir.file("said") }), WAIT);
    const { id } = await errand.enqueue(obedient, { path: dir.file("next") });
    const said = (): Promise<unknown> => readJson(dir.file("said"));
    await expect.poll(said).toBe("LEASE_LOST");
    const job = await errand.wait(id, WAIT);
    expect(job).not.toHaveProperty("progress");
    expect((await errand.logs(id)).map(({ message }) => message)).toEqual(["waiting"]);
  });

  it("may snooze", async () => {
    await using errand = await open();
    const { id } = await errand.enqueue(ends, { how: "snooze" });
    expect(await errand.worker().drain()).toMatchObject({ snoozed: 1 });
    expect(await errand.get(id)).toMatchObject({ state: "scheduled", attempt: 0 });
  });

  it("may complete with statements", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const client = createClient({ url });
    await client.execute("CREATE TABLE own (n INTEGER)");
    await using errand = await open({ url });
    const { id } = await errand.enqueue(ends, { how: "complete" });
    expect(await errand.worker().drain()).toMatchObject({ completed: 1 });
    expect(await errand.get(id)).toMatchObject({ state: "completed", result: { n: 1 } });
    const { rows } = await client.execute("SELECT cast(n AS TEXT) AS n FROM own");
    expect(rows[0]?.n).toBe(String(2n ** 60n));
    client.close();
  });

  it("works on what is encrypted in the database", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await open({ url: `file:${path}`, encryption: ring(1) });
    const { id } = await errand.enqueue(plain, { n: 7, note: "a secret" });
    await errand.worker().drain();
    expect(await errand.get(id)).toMatchObject({ result: { double: "14" } });
    using raw = openRaw(path, 5_000);
    // longer than what a cipher text could show by chance
    expect(JSON.stringify(raw.rows("SELECT payload, result FROM errand_job"))).not.toMatch(
      /a secret|double/,
    );
  });

  it("runs in the test's own thread under runTask", async () => {
    expect(await runTask(listed[0]!)).toMatchObject({ outcome: "completed", result: "found" });
  });
});

describe("what is asked of an isolated task", () => {
  afterEach(() => void vi.unstubAllGlobals());
  const run = (): void => {};

  it.each([
    [
      { isolate: true },
      /^Cannot isolate task "x": its module is undefined.*module: import\.meta\.url$/,
    ],
    [{ isolate: true, module: "./tasks.ts" }, /its module is "\.\/tasks\.ts"/],
    [{ isolate: "thread", module: "file:///x" }, /isolate is "thread", not true or \{ memoryMb \}/],
    [
      { isolate: { memoryMb: 1 }, module: "file:///x" },
      /memoryMb is 1, not a whole number from 16/,
    ],
  ])("%o is refused", (options, message) => {
    expect(() => defineTask({ name: "x", run, ...options as object })).toThrow(message);
  });

  it("its module exports it, or the attempt fails and says so", async () => {
    expect(await ran(all.at(-1)!)).toMatchObject({
      state: "failed",
      error: {
        message: expect.stringMatching(/^Cannot run task "hidden" in a thread: its module/),
      },
    });
  });

  it("its module can be loaded, or the attempt fails", async () => {
    const away = { name: "away", isolate: true, module: "file:///no/such/module.mjs", run };
    await using errand = await Errand.open({ url: ":memory:", tasks: [defineTask(away)] });
    const { id } = await errand.enqueue("away", {}, { retry: { maxAttempts: 1 } });
    await errand.worker().drain();
    expect((await errand.get(id))?.error?.message)
      .toContain("its module file:///no/such/module.mjs cannot be loaded: ");
  });

  it("a worker does not start where there are no threads", async () => {
    await using errand = await open();
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    await expect(errand.worker().start()).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(
        /^Cannot run isolated tasks: Cloudflare-Workers has no threads/,
      ),
    });
    await expect(errand.worker().drain()).rejects.toThrow(/^Cannot run isolated tasks/);
  });
});
