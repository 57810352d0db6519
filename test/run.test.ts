// One bounded run: what every trigger calls.
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type RunSummary } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { gate } from "./support/gate.ts";
import { tempDir } from "./support/temp.ts";

const work = defineTask({ name: "work", run: () => "done" });
const list = (length: number) => Array.from({ length }, (_, n) => n);
const nothing = { completed: 0, failed: 0, retried: 0, snoozed: 0, released: 0, lost: 0 };

describe("a run", () => {
  it("does what is due, also what its handlers add, and says when to come back", async () => {
    const parent = defineTask({
      name: "parent",
      run: async () => void await errand.enqueueMany(work, list(5)),
    });
    await using errand = await testErrand({ tasks: [work, parent] });
    await errand.enqueue(parent);
    await errand.enqueue(work, {}, { delay: "90s" });
    expect(await errand.run()).toEqual({
      ...{ ...nothing, completed: 6, ran: true, ended: "empty", nudged: false },
      remaining: { available: 0, scheduled: 1, running: 0 },
      nextAt: new Date(errand.clock.now() + 90_000),
      comeBackMs: 90_000,
    });
  });

  it("enqueues what schedules owe, rescues, and removes what has been kept for long", async () => {
    await using errand = await testErrand({ tasks: [work], retention: "1h" });
    const events: string[] = [];
    errand.on("rescued", () => events.push("rescued"));
    errand.on("pruned", ({ count }) => events.push(`pruned ${count}`));
    await errand.schedules.upsert("hourly", { task: work, every: "1h" });
    const old = await errand.enqueue(work);
    expect(await errand.run()).toMatchObject({ completed: 2, comeBackMs: 3_600_000 });
    await errand.clock.advance("2h");
    expect(await errand.run()).toMatchObject({ ran: true, completed: 1 });
    expect(await errand.get(old.id)).toBeUndefined();
    expect(events).toEqual(["pruned 2"]);
  });

  it("that finds another one under way does nothing and says so, in another process too", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const [started, goOn] = [gate(), gate()];
    const wait = defineTask({
      name: "wait",
      async run() {
        started.open();
        await goOn.opened;
      },
    });
    await using one = await Errand.open({ url, tasks: [wait] });
    await using other = await Errand.open({ url, tasks: [wait] });
    const told: RunSummary[] = [];
    other.on("ran", (summary) => told.push(summary));
    await one.enqueue(wait);
    const first = one.run();
    await started.opened;
    expect(await other.run()).toEqual({ ran: false });
    expect(await one.run()).toEqual({ ran: false });
    expect(await other.run({ name: "of its own" })).toMatchObject({ ran: true, completed: 0 });
    goOn.open();
    expect(await first).toMatchObject({ ran: true, completed: 1 });
    expect(await other.run()).toMatchObject({ ran: true, completed: 0 });
    expect(told.map(({ ran }) => ran)).toEqual([false, true, true]);
  });

  it("leaves nothing lying that was enqueued just as it ends", async () => {
    await using errand = await testErrand({ tasks: [work] });
    let left = 3;
    errand.on("stopped", () => void (left-- > 0 && errand.enqueue(work)));
    expect(await errand.run()).toMatchObject({ ended: "empty", completed: 3 });
    expect(await errand.stats()).toMatchObject({ available: 0, completed: 3 });
  });

  it("keeps others away as long as it lives", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const stuck = defineTask({ name: "stuck", run: () => new Promise(() => {}) });
    errand.register(stuck);
    await errand.enqueue(stuck);
    void errand.run({ deadline: "10m" });
    await errand.clock.advance("5m");
    expect(await errand.run()).toEqual({ ran: false });
  });

  it("ends at its deadline, 20 s if nothing is said, with work that remains to be done now", async () => {
    const slow = defineTask({ name: "slow", run: () => new Promise(() => {}) });
    await using errand = await testErrand({ tasks: [slow] });
    await errand.enqueueMany(slow, list(3));
    const startMs = errand.clock.now();
    const running = errand.run({ worker: { concurrency: 1 } });
    await errand.clock.advance("19s");
    expect(await errand.run()).toEqual({ ran: false });
    await errand.clock.advance("1s");
    expect(await running).toMatchObject({ ended: "deadline", released: 1, comeBackMs: 0 });
    expect(errand.clock.now() - startMs).toBe(20_000);
    expect((await errand.run({ deadline: 0 })).ran).toBe(true);
  });

  it("begins no more attempts than maxJobs", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueueMany(work, list(10));
    const { ran, ...summary } = await errand.run({ maxJobs: 7 });
    expect(ran).toBe(true);
    expect(summary).toMatchObject({ ended: "max-jobs", completed: 7, comeBackMs: 0 });
  });

  it("sends the nudge when it could not finish, but not when it got nothing done", async () => {
    const slow = defineTask({ name: "slow", run: () => new Promise(() => {}) });
    let nudges = 0;
    await using errand = await testErrand({ tasks: [work, slow], nudge: () => void nudges++ });
    await errand.enqueueMany(work, list(10), { delay: "1s" });
    await errand.clock.advance("1s");
    expect(nudges).toBe(0);
    expect(await errand.run({ maxJobs: 7 })).toMatchObject({ comeBackMs: 0, nudged: true });
    expect(nudges).toBe(1);
    expect(await errand.run({ maxJobs: 7 })).toMatchObject({ completed: 3, nudged: false });
    await errand.enqueue(slow, {}, { delay: "1s" });
    await errand.clock.advance("1s");
    const running = errand.run();
    await errand.clock.advance("20s");
    expect(await running).toMatchObject({ ended: "deadline", comeBackMs: 0, nudged: false });
    expect(nudges).toBe(1);
  });

  it("whose database is gone says so, as an error and as an event, and leaves no mark", async () => {
    const errand = await testErrand({ tasks: [work] });
    const told: string[] = [];
    errand.on("error", ({ during }) => told.push(during));
    await errand.close();
    await expect(errand.run()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(told).toEqual(["run"]);
  });

  it("ends when its Errand is closed, and gives back what it was doing", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const slow = defineTask({ name: "slow", run: () => new Promise(() => {}) });
    const errand = await Errand.open({ url, tasks: [slow] });
    const started = gate();
    errand.on("started", () => started.open());
    await errand.enqueue(slow);
    const running = errand.run();
    await started.opened;
    await errand.close({ grace: 0 });
    expect(await running).toMatchObject({ ended: "aborted", released: 1 });
    await using next = await Errand.open({ url, tasks: [slow] });
    expect((await next.run({ deadline: 0 })).ran).toBe(true);
  });

  it("is refused with what cannot be used", async () => {
    await using errand = await testErrand({ tasks: [work] });
    for (const options of [{ name: "" }, { deadline: -1 }, { maxJobs: 0 }]) {
      await expect(errand.run(options)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
    expect((await errand.run()).ran).toBe(true);
  });
});
