// A16 of what other small queues can do: series of jobs.
import { describe, expect, it } from "vitest";
import { defineTask, type Job, type ScheduleOptions } from "../../mod.ts";
import { FakeClock, runTask, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const tick = defineTask({ name: "tick", run: ({ job }) => job.schedule?.at.toISOString() });
const HOURLY: ScheduleOptions = { task: "tick", every: "1h" };

/** The occurrences that were enqueued, as hours since the start. */
async function hours(errand: TestErrand): Promise<number[]> {
  const { jobs } = await errand.list({ limit: 1_000, order: "oldest" });
  return jobs.map(({ schedule }) => (schedule!.at.getTime() - START) / 3_600_000);
}

async function opened(): Promise<TestErrand> {
  return await testErrand({ tasks: [tick] });
}

async function drainAfter(errand: TestErrand, by: Parameters<FakeClock["advance"]>[0]) {
  await errand.clock.advance(by);
  return await errand.worker().drain();
}

describe("A16: a schedule by every", () => {
  it("begins now without startAt, and its occurrences lie on start + n · every", async () => {
    await using errand = await opened();
    const made = await errand.schedules.upsert("hourly", HOURLY);
    expect(made).toMatchObject({
      ...{ name: "hourly", state: "active", task: "tick", everyMs: 3_600_000, runs: 0 },
      ...{ queue: "default", priority: 0, catchUp: "latest", overlap: "allow" },
      ...{ startAt: new Date(START), nextRunAt: new Date(START), payload: null },
    });
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("150m");
    expect(await hours(errand)).toEqual([0, 1, 2]);
    const { jobs: [last] } = await errand.list({ limit: 1 });
    expect(last).toMatchObject({ state: "completed", result: "2030-01-01T02:00:00.000Z" });
    expect(last!.runAt).toEqual(new Date(START + 2 * 3_600_000));
    expect(await errand.schedules.get("hourly")).toMatchObject({
      runs: 3,
      lastRunAt: new Date(START + 2 * 3_600_000),
      lastJobId: last!.id,
      nextRunAt: new Date(START + 3 * 3_600_000),
    });
  });

  it("is never early, not by a millisecond", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("later", { ...HOURLY, startAt: START + 1_000 });
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance(999);
    expect(await hours(errand)).toEqual([]);
    await errand.clock.advance(1);
    expect(await hours(errand)).toHaveLength(1);
  });

  it("does not wait for the next look when more are due than one pass takes", async () => {
    await using errand = await opened();
    for (let n = 0; n < 250; n++) await errand.schedules.upsert(`s${n}`, HOURLY);
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    await errand.clock.advance(0);
    expect(await hours(errand)).toHaveLength(250);
    await errand.worker().drain();
    expect(await hours(errand)).toHaveLength(250);
  });

  it("does not drift when passes come late", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("hourly", HOURLY);
    await drainAfter(errand, "10m");
    await drainAfter(errand, "70m");
    await drainAfter(errand, "55m");
    expect(await hours(errand)).toEqual([0, 1, 2]);
  });

  it("made with a start in the past begins at the next point of its grid", async () => {
    await using errand = await opened();
    const startAt = START - 90 * 60_000;
    const made = await errand.schedules.upsert("old", { ...HOURLY, startAt, catchUp: "all" });
    expect(made.nextRunAt).toEqual(new Date(START + 30 * 60_000));
  });
});

describe("A16: after downtime", () => {
  it.each([["latest", [0, 5]], ["all", [0, 1, 2, 3, 4, 5]], ["none", [0]]] as const)(
    "catchUp %s enqueues the occurrences of the hours %j",
    async (catchUp, expected) => {
      await using errand = await opened();
      await errand.schedules.upsert("hourly", { ...HOURLY, catchUp });
      await drainAfter(errand, 0);
      await drainAfter(errand, "330m");
      expect(await hours(errand)).toEqual(expected);
      await drainAfter(errand, "30m");
      expect((await hours(errand)).at(-1)).toBe(6);
    },
  );

  it("catchUp all makes up more occurrences than one pass takes, each once", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("hourly", { ...HOURLY, catchUp: "all" });
    await drainAfter(errand, "300h");
    expect(await hours(errand)).toEqual(Array.from({ length: 301 }, (_, n) => n));
  });

  it("catchUp latest finds the last of very many cron times", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("minutely", { task: "tick", cron: "* * * * *" });
    await drainAfter(errand, "90h");
    expect(await hours(errand)).toEqual([90]);
  });
});

describe("A16: the end of a series", () => {
  it("comes after maxRuns occurrences, also when all are made up at once", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("three", { ...HOURLY, maxRuns: 3, catchUp: "all" });
    await drainAfter(errand, "10h");
    expect(await hours(errand)).toEqual([0, 1, 2]);
    const ended = await errand.schedules.get("three");
    expect(ended).toMatchObject({ state: "ended", runs: 3, maxRuns: 3 });
    expect(ended!.nextRunAt).toBeUndefined();
  });

  it("does not come when maxRuns is 0", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("ever", { ...HOURLY, maxRuns: 0 });
    await drainAfter(errand, "10h");
    const { state, maxRuns } = (await errand.schedules.get("ever"))!;
    expect([state, maxRuns]).toEqual(["active", undefined]);
  });

  it("comes after the last occurrence that is not later than endAt", async () => {
    await using errand = await opened();
    const endAt = START + 2 * 3_600_000;
    await errand.schedules.upsert("short", { ...HOURLY, endAt, catchUp: "all" });
    await errand.schedules.upsert("latest", { ...HOURLY, endAt });
    await drainAfter(errand, "10h");
    expect((await hours(errand)).sort()).toEqual([0, 1, 2, 2]);
    expect((await errand.schedules.get("short"))!.state).toBe("ended");
  });

  it("does not come with a run that failed", async () => {
    const fail = defineTask({
      ...{ name: "tick", retry: { maxAttempts: 1 } },
      run: () => Promise.reject(new Error("no")),
    });
    await using errand = await testErrand({ tasks: [fail] });
    await errand.schedules.upsert("hourly", HOURLY);
    await drainAfter(errand, 0);
    expect(await drainAfter(errand, "1h")).toMatchObject({ failed: 1 });
    expect(await errand.schedules.get("hourly")).toMatchObject({ state: "active", runs: 2 });
  });
});

describe("A16: overlap", () => {
  it("skip leaves out what comes while the job before it has not ended", async () => {
    const end = gate();
    const slow = defineTask({ name: "tick", run: () => end.opened });
    await using errand = await testErrand({ tasks: [slow] });
    await errand.schedules.upsert("hourly", { ...HOURLY, overlap: "skip", maxRuns: 2 });
    await using worker = errand.worker({ lease: "1d" });
    await worker.start();
    await errand.clock.advance("150m");
    expect(await hours(errand)).toEqual([0]);
    end.open();
    await errand.clock.advance("1h");
    expect(await hours(errand)).toEqual([0, 3]);
    expect(await errand.schedules.get("hourly")).toMatchObject({ runs: 2, state: "ended" });
  });

  it("skip makes up the latest of what was missed, whatever catchUp says", async () => {
    await using errand = await opened();
    await errand.schedules.upsert("s", { ...HOURLY, overlap: "skip", catchUp: "all" });
    await drainAfter(errand, "5h");
    expect(await hours(errand)).toEqual([5]);
  });

  it("allow enqueues it all the same", async () => {
    await using errand = await testErrand();
    await errand.schedules.upsert("hourly", HOURLY);
    await drainAfter(errand, 0);
    await drainAfter(errand, "1h");
    expect(await hours(errand)).toEqual([0, 1]);
  });
});

describe("A16: next", () => {
  it("asks the named function for each occurrence until it answers none", async () => {
    const asked: string[] = [];
    const nextRuns = {
      twice: (previous: Date) => {
        asked.push(previous.toISOString().slice(11, 16));
        const hour = (previous.getTime() - START) / 3_600_000;
        return hour < 4 ? new Date(START + (hour * 2 + 2) * 3_600_000) : undefined;
      },
    };
    await using errand = await testErrand({ tasks: [tick], nextRuns });
    await errand.schedules.upsert("twice", { task: "tick", next: "twice", catchUp: "all" });
    await drainAfter(errand, "10h");
    expect(await hours(errand)).toEqual([2, 6]);
    expect(asked).toEqual(["00:00", "02:00", "06:00"]);
    expect(await errand.schedules.get("twice")).toMatchObject({ state: "ended", next: "twice" });
  });

  it("begins at startAt when there is one", async () => {
    const nextRuns = { day: (previous: Date) => new Date(previous.getTime() + 86_400_000) };
    await using errand = await testErrand({ tasks: [tick], nextRuns });
    const startAt = START + 3_600_000;
    await errand.schedules.upsert("daily", { task: "tick", next: "day", startAt });
    await drainAfter(errand, "1h");
    expect(await hours(errand)).toEqual([1]);
  });

  it("leaves a schedule alone where its function is not known", async () => {
    const nextRuns = { day: (previous: Date) => new Date(previous.getTime() + 86_400_000) };
    const clock = new FakeClock();
    await using errand = await testErrand({ tasks: [tick], nextRuns, clock });
    await errand.schedules.upsert("daily", { task: "tick", next: "day", startAt: START });
    await errand.schedules.upsert("hourly", HOURLY);
    expect(await errand.worker().drain()).toMatchObject({ completed: 2 });
  });

  it("tells of a function that fails, leaves its schedule, and goes on with the others", async () => {
    let broken = true;
    const nextRuns = {
      odd: (previous: Date) => broken ? previous : new Date(previous.getTime() + 3_600_000),
    };
    await using errand = await testErrand({ tasks: [tick], nextRuns });
    const errors: string[] = [];
    errand.on("error", ({ error }) => errors.push((error as Error).message));
    await errand.schedules.upsert("odd", { task: "tick", next: "odd", startAt: START });
    await errand.schedules.upsert("hourly", HOURLY);
    await using worker = errand.worker();
    await worker.start();
    await errand.clock.advance("30s");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/Cannot go on with schedule "odd": .*nextRuns\.odd answers a later/);
    expect(await hours(errand)).toEqual([0]);
    broken = false;
    await errand.clock.advance("2m");
    expect(await hours(errand)).toEqual([0, 0]);
  });
});

describe("A16: an occurrence's job", () => {
  it("knows its schedule and its nominal time, in its handler and when it is looked at", async () => {
    const seen: unknown[] = [];
    const look = defineTask({ name: "look", run: ({ job }) => void seen.push(job.schedule) });
    await using errand = await testErrand({ tasks: [look] });
    await errand.schedules.upsert("l", { task: look, every: "1h", timeout: "5s" });
    await drainAfter(errand, "20m");
    const schedule = { name: "l", at: new Date(START) };
    expect(seen).toEqual([schedule]);
    const { jobs: [job] } = await errand.list();
    expect(job!.schedule).toEqual(schedule);
    expect((await errand.enqueue(look)).schedule).toBeUndefined();
    await errand.worker().drain();
    expect(seen[1]).toBeUndefined();
  });

  it("has the payload and the options of its schedule", async () => {
    await using errand = await testErrand();
    await errand.schedules.upsert("all", {
      ...{ task: "other", payload: { a: [1] }, every: "1h", queue: "q", priority: 7 },
      ...{ meta: { tenant: "t" }, retry: { maxAttempts: 2 }, timeout: "5s", retention: 0 },
    });
    const jobs: Job[] = [];
    errand.on("enqueued", ({ job }) => jobs.push(job));
    await errand.worker().drain();
    const expected = { queue: "q", priority: 7, meta: { tenant: "t" }, maxAttempts: 2 };
    expect(jobs).toMatchObject([{ task: "other", payload: { a: [1] }, ...expected }]);
    const failing = defineTask({ name: "other", run: () => Promise.reject(new Error("no")) });
    errand.register(failing);
    await errand.worker({ queues: ["q"] }).drain();
    await errand.clock.advance("1m");
    await errand.worker({ queues: ["q"] }).drain();
    await expect(errand.get(jobs[0]!.id)).resolves.toBeUndefined();
  });
});

it("A16: a task that is run without a database knows the occurrence that it is told", async () => {
  const at = new Date(START);
  const { result } = await runTask(tick, undefined, { job: { schedule: { name: "s", at } } });
  expect(result).toBe(at.toISOString());
});
