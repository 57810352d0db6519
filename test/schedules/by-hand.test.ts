// A16: what is done to schedules by hand, and what is refused.
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, ErrandError, type ScheduleOptions, type Task } from "../../mod.ts";
import { type TestErrand, testErrand } from "../../src/testing/mod.ts";

const HOUR_MS = 3_600_000;
const START = Date.parse("2030-01-01T00:00:00Z");
const HOURLY: ScheduleOptions = { task: "tick", every: "1h" };
const tick = defineTask({ name: "tick", input: v.nullish(v.string()), run: () => {} });
const strict = defineTask({ name: "strict", input: v.object({ n: v.number() }), run: () => {} });

async function opened(): Promise<TestErrand> {
  return await testErrand({ tasks: [tick, strict] });
}

async function drainAfter(errand: TestErrand, by: Parameters<TestErrand["clock"]["advance"]>[0]) {
  await errand.clock.advance(by);
  return await errand.worker().drain();
}

async function hours(errand: TestErrand): Promise<number[]> {
  const { jobs } = await errand.list({ limit: 1_000, order: "oldest" });
  return jobs.map(({ schedule }) => (schedule!.at.getTime() - START) / HOUR_MS);
}

const at = (hour: number) => new Date(START + hour * HOUR_MS);

describe("A16: upsert", () => {
  it("of the same times keeps the next occurrence, and changes what it runs", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await drainAfter(errand, "10m");
    const before = await errand.schedules.get("s");
    const after = await errand.schedules.upsert("s", { ...HOURLY, payload: "new", priority: 3 });
    expect(after).toEqual({
      ...{ ...before, payload: "new", priority: 3 },
      updatedAt: new Date(errand.clock.now()),
    });
    expect(await errand.schedules.get("s")).toEqual(after);
    await drainAfter(errand, "50m");
    const { jobs: [last] } = await errand.list({ limit: 1 });
    expect(last).toMatchObject({ payload: "new", priority: 3, schedule: { at: at(1) } });
  });

  it("of the same times still owes what is due", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, catchUp: "all" });
    await errand.clock.advance("2h");
    await errand.schedules.upsert("s", { ...HOURLY, catchUp: "all" });
    await errand.worker().drain();
    expect(await hours(errand)).toEqual([0, 1, 2]);
  });

  it("of another interval keeps the start of the grid, and goes on from now", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, catchUp: "all" });
    await errand.clock.advance("210m");
    const changed = await errand.schedules.upsert("s", { ...HOURLY, every: "2h", catchUp: "all" });
    expect(changed).toMatchObject({ startAt: at(0), nextRunAt: at(4), everyMs: 2 * HOUR_MS });
    await drainAfter(errand, "3h");
    expect(await hours(errand)).toEqual([4, 6]);
  });

  it("with another startAt moves the grid", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await errand.clock.advance("10m");
    const moved = await errand.schedules.upsert("s", { ...HOURLY, startAt: at(0.5) });
    expect(moved.nextRunAt).toEqual(at(0.5));
  });

  it("changes the rule from every to cron", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await drainAfter(errand, 0);
    const daily = { task: "tick", cron: "0 9 * * *", timeZone: "America/New_York" };
    const changed = await errand.schedules.upsert("s", daily);
    expect(changed).toMatchObject({ cron: "0 9 * * *", nextRunAt: at(14), runs: 1 });
    expect(changed.everyMs).toBeUndefined();
  });

  it("never repeats an occurrence that was enqueued", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await drainAfter(errand, 0);
    const { nextRunAt } = await errand.schedules.upsert("s", { ...HOURLY, every: "30m" });
    expect(nextRunAt).toEqual(at(0.5));
  });

  it("with a higher maxRuns goes on with an ended series", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, maxRuns: 1 });
    await drainAfter(errand, 0);
    expect((await errand.schedules.get("s"))!.state).toBe("ended");
    const again = await errand.schedules.upsert("s", { ...HOURLY, maxRuns: 2 });
    expect(again).toMatchObject({ state: "active", nextRunAt: at(1) });
  });

  it("whose endAt has passed makes an ended series", async () => {
    await using errand = await opened();
    const late = await errand.schedules.upsert("s", { ...HOURLY, endAt: START - 1 });
    expect(late.state).toBe("ended");
  });

  it("at once from many places leaves one schedule", async () => {
    await using errand = await opened();
    await Promise.all(Array.from({ length: 10 }, () => errand.schedules.upsert("s", HOURLY)));
    expect((await errand.schedules.list()).schedules).toHaveLength(1);
    await errand.worker().drain();
    expect(await hours(errand)).toEqual([0]);
  });
});

describe("A16: pause and resume", () => {
  it("leave out what falls between them, and keep the grid", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, catchUp: "all" });
    await drainAfter(errand, 0);
    const paused = await errand.schedules.pause("s");
    expect([paused.state, paused.nextRunAt]).toEqual(["paused", undefined]);
    await drainAfter(errand, "150m");
    expect(await errand.schedules.resume("s")).toMatchObject({ state: "active", nextRunAt: at(3) });
    await drainAfter(errand, "30m");
    expect(await hours(errand)).toEqual([0, 3]);
  });

  it("change nothing when they are repeated", async () => {
    await using errand = await opened();
    const made = await errand.schedules.upsert("s", HOURLY);
    expect(await errand.schedules.resume("s")).toEqual(made);
    const paused = await errand.schedules.pause("s");
    await errand.clock.advance("1h");
    expect(await errand.schedules.pause("s")).toEqual(paused);
  });

  it("outlast an upsert", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await errand.schedules.pause("s");
    const changed = await errand.schedules.upsert("s", { ...HOURLY, every: "2h" });
    expect(changed.state).toBe("paused");
    await drainAfter(errand, "5h");
    expect(await hours(errand)).toEqual([]);
    expect((await errand.schedules.resume("s")).nextRunAt).toEqual(at(6));
  });
});

describe("A16: runNow", () => {
  it("enqueues a job beside the series, also while it is paused", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, maxRuns: 2, payload: "p", priority: 4 });
    await errand.schedules.pause("s");
    await errand.clock.advance("10m");
    const before = await errand.schedules.get("s");
    const job = await errand.schedules.runNow("s");
    expect(job).toMatchObject({
      ...{ task: "tick", payload: "p", priority: 4, state: "available" },
      schedule: { name: "s", at: new Date(errand.clock.now()) },
    });
    expect(await errand.schedules.get("s")).toEqual(before);
    expect(await errand.worker().drain()).toMatchObject({ completed: 1 });
  });

  it("does not restart a series that has ended", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, maxRuns: 1 });
    await drainAfter(errand, 0);
    await errand.schedules.runNow("s");
    expect(await drainAfter(errand, "5h")).toMatchObject({ completed: 1 });
    expect(await errand.schedules.get("s")).toMatchObject({ state: "ended", runs: 1 });
  });
});

it("A16: running an occurrence again does not restart its series", async () => {
  await using errand = await opened();
  await errand.schedules.upsert("s", { ...HOURLY, maxRuns: 2 });
  await drainAfter(errand, 0);
  const before = await errand.schedules.get("s");
  const { jobs: [first] } = await errand.list();
  await errand.retry(first!.id);
  await errand.clone(first!.id);
  expect(await errand.worker().drain()).toMatchObject({ completed: 2 });
  expect(await errand.schedules.get("s")).toEqual(before);
  expect(await drainAfter(errand, "1h")).toMatchObject({ completed: 1 });
  await errand.retry(first!.id);
  expect(await drainAfter(errand, "5h")).toMatchObject({ completed: 1 });
  expect(await errand.schedules.get("s")).toMatchObject({ state: "ended", runs: 2 });
});

describe("A16: a running worker", () => {
  it("takes up at once what its own process schedules", async () => {
    await using errand = await opened();
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    await errand.clock.advance("10s");
    await errand.schedules.upsert("s", HOURLY);
    await errand.clock.advance(0);
    expect((await errand.stats()).completed).toBe(1);
  });

  it("drains until the next occurrence, and says when that is", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    expect(await errand.worker().drain()).toMatchObject({ completed: 1, nextAt: at(1) });
  });
});

describe("A16: schedules", () => {
  it("are listed by name, a page at a time", async () => {
    await using errand = await opened();
    for (const name of ["b", "10", "a", "9"]) await errand.schedules.upsert(name, HOURLY);
    const first = await errand.schedules.list({ limit: 3 });
    expect(first.schedules.map(({ name }) => name)).toEqual(["10", "9", "a"]);
    const rest = await errand.schedules.list({ cursor: first.cursor! });
    expect(rest.schedules.map(({ name }) => name)).toEqual(["b"]);
    expect(rest.cursor).toBeUndefined();
  });

  it("that are removed enqueue nothing more, and leave their jobs", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", HOURLY);
    await drainAfter(errand, 0);
    expect(await errand.schedules.remove("s")).toMatchObject({ name: "s", runs: 1 });
    expect(await errand.schedules.get("s")).toBeUndefined();
    await drainAfter(errand, "5h");
    expect(await hours(errand)).toEqual([0]);
  });

  it.each(["pause", "resume", "remove", "runNow"] as const)(
    "that do not exist are NOT_FOUND for %s",
    async (verb) => {
      await using errand = await opened();
      await expect(errand.schedules[verb]("none")).rejects.toMatchObject({ code: "NOT_FOUND" });
    },
  );
});

describe("A16: bad input is refused:", () => {
  const without = { task: "tick" };
  it.each<[string, ScheduleOptions, RegExp]>([
    ["a bad cron text", { ...without, cron: "0 25 * * *" }, /its hour \("25"\)/],
    ["an unknown zone", { ...without, cron: "* * * * *", timeZone: "Mars/X" }, /IANA/],
    ["a zone without cron", { ...HOURLY, timeZone: "UTC" }, /goes with cron/],
    ["a fast every", { ...without, every: 999 }, /allowFast: true/],
    ["an every of nothing", { ...without, every: 0, allowFast: true }, /longer than nothing/],
    ["an every that is none", { ...without, every: "soon" as never }, /as every/],
    ["an end before the start", { ...HOURLY, startAt: 2, endAt: 1 }, /endAt is before startAt/],
    ["a negative maxRuns", { ...HOURLY, maxRuns: -1 }, /-1 as maxRuns/],
    ["half a run", { ...HOURLY, maxRuns: 1.5 }, /1.5 as maxRuns/],
    ["an unknown function", { ...without, next: "toString" }, /hold no function/],
    ["no rule", without, /exactly one of every, cron and next, not none/],
    ["two rules", { ...HOURLY, cron: "* * * * *" }, /not every and cron/],
    ["an unknown task", { ...HOURLY, task: "other" }, /knows no such task/],
    ["a payload", { ...HOURLY, task: strict, payload: { n: "1" } }, /payload\.n/],
    ["an unknown catchUp", { ...HOURLY, catchUp: "some" as never }, /as catchUp/],
    ["an unknown overlap", { ...HOURLY, overlap: "wait" as never }, /as overlap/],
    ["a bad timeout", { ...HOURLY, timeout: "x" as never }, /timeout/],
    ["a delay function", { ...HOURLY, retry: { delay: () => 1 } }, /retry\.delay/],
  ])("%s", async (_, options, message) => {
    await using errand = await opened();
    const refused = errand.schedules.upsert("s", options);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(ErrandError);
    await expect(refused).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect((await errand.schedules.list()).schedules).toEqual([]);
  });

  it.each(["", "a\nb", 5 as never])("the name %j", async (name) => {
    await using errand = await opened();
    const code = "INVALID_INPUT";
    await expect(errand.schedules.upsert(name, HOURLY)).rejects.toMatchObject({ code });
    await expect(errand.schedules.get(name)).rejects.toMatchObject({ code });
  });

  it.each([0, 1_001, 1.5])("a page of %s", async (limit) => {
    await using errand = await opened();
    await expect(errand.schedules.list({ limit })).rejects.toThrow(/as limit/);
  });

  it("nextRuns that hold no function", async () => {
    const nextRuns = { day: "tomorrow" as never };
    await expect(testErrand({ nextRuns })).rejects.toThrow(/as nextRuns\.day/);
  });

  it("resuming a schedule whose function is not known here", async () => {
    const nextRuns = { day: (previous: Date) => new Date(previous.getTime() + 86_400_000) };
    await using errand = await testErrand({ nextRuns });
    await errand.schedules.upsert("s", { task: "tick", next: "day" });
    await errand.schedules.pause("s");
    Reflect.deleteProperty(nextRuns, "day");
    await expect(errand.schedules.resume("s")).rejects.toThrow(/as next/);
  });

  it("but a fast every that says so is taken", async () => {
    await using errand = await opened();
    const fast = await errand.schedules.upsert("s", { ...without, every: 250, allowFast: true });
    expect(fast.everyMs).toBe(250);
  });

  it("a payload of another type, by the compiler too", async () => {
    await using errand = await opened();
    const every = "1h";
    // @ts-expect-error n is a number
    const wrong = errand.schedules.upsert("s", { task: strict, every, payload: { n: "1" } });
    await expect(wrong).rejects.toThrow(/payload\.n/);
    const either = (task: Task | string) => errand.schedules.upsert("s", { task, every });
    await either(tick);
    // @ts-expect-error there must be one
    const none = errand.schedules.upsert("s", { task: strict, every });
    await expect(none).rejects.toThrow(/payload/);
    await errand.schedules.upsert("s", { task: strict, every, payload: { n: 1 } });
  });
});

it("A16: the occurrences of a unique task are all enqueued, and keep nobody away", async () => {
  const once = defineTask({ name: "once", unique: true, run: () => {} });
  await using errand = await testErrand({ tasks: [once] });
  await errand.schedules.upsert("s", { task: once, every: "1h", payload: 1 });
  for (let hour = 0; hour < 3; hour++) {
    await errand.worker({ queues: ["other"] }).drain();
    await errand.clock.advance("1h");
  }
  expect((await errand.list()).jobs).toHaveLength(3);
  expect((await errand.enqueue(once, 1)).enqueued).toBe("inserted");
});
