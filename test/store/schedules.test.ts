// The rows of schedules: who may move them, and what it costs to look at them.
import { describe, expect, it } from "vitest";
import type { ScheduleRecord } from "../../src/schedule.ts";
import { claim, newJob, outcomes, scheduleRecord, settle, settlement } from "../support/jobs.ts";
import { openRaw } from "../support/raw.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const HOUR_MS = 3_600_000;

function record(bench: Bench, more: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return scheduleRecord(bench.clock.now(), more);
}

function move(bench: Bench, id: string, stamp = "first") {
  const atMs = bench.clock.now();
  return { name: "s", stamp, nextRunMs: atMs + HOUR_MS, occurrences: [{ id, atMs }] };
}

const LOOK = { limit: 100, functions: [], except: [] };

describe.each(places)("A16: a schedule at %s", (place) => {
  it("is read as it was written", async () => {
    await using bench = await openBench(place);
    const full = record(bench, {
      ...{ maxAttempts: 3, options: "{}", meta: '{"a":1}', endMs: 9e12, maxRuns: 5 },
      ...{ rule: { cron: "* * * * *", timeZone: "UTC" }, catchUp: "none", overlap: "skip" },
      ...{ lastRunMs: 5, lastJobId: "job", runs: 2 },
    });
    expect(await bench.store.schedules.put(full, null)).toBe(true);
    const nowMs = bench.clock.now();
    expect(await bench.store.schedules.look("s")).toEqual({ record: full, nowMs });
    expect(await bench.store.schedules.look("none")).toEqual({ nowMs });
    expect(await bench.store.schedules.list("", 10)).toEqual([full]);
    expect(await bench.store.schedules.remove("s")).toEqual(full);
    expect(await bench.store.schedules.remove("s")).toBeUndefined();
  });

  it("is moved by the first of two who have read it, and by no repetition", async () => {
    await using bench = await openBench(place);
    const { schedules } = bench.store;
    await schedules.put(record(bench), null);
    const first = await schedules.move([move(bench, "a")], "second");
    expect(first.map(({ id }) => id)).toEqual(["a"]);
    const before = await bench.tables();
    expect(await schedules.move([move(bench, "b")], "third")).toEqual([]);
    expect(await schedules.move([move(bench, "a")], "second")).toHaveLength(1); // as answered before
    expect(await bench.tables()).toEqual(before);
    const { record: moved } = await schedules.look("s");
    const nowMs = bench.clock.now();
    expect(moved).toMatchObject({
      ...{ runs: 1, lastRunMs: nowMs, lastJobId: "a", nextRunMs: nowMs + HOUR_MS },
      stamp: "second",
    });
  });

  it("is not moved once it was changed, paused or removed after it was read", async () => {
    await using bench = await openBench(place);
    const { schedules } = bench.store;
    await schedules.put(record(bench), null);
    await schedules.put(record(bench, { paused: true, nextRunMs: null, stamp: "other" }), "first");
    expect(await schedules.move([move(bench, "a")], "second")).toEqual([]);
    await schedules.remove("s");
    expect(await schedules.move([move(bench, "a", "other")], "second")).toEqual([]);
    expect(Object.keys((await bench.tables()).jobs)).toEqual([]);
  });

  it("is written only by who has read it as it is", async () => {
    await using bench = await openBench(place);
    const { schedules } = bench.store;
    expect(await schedules.put(record(bench), null)).toBe(true);
    expect(await schedules.put(record(bench, { stamp: "x" }), null)).toBe(false);
    expect(await schedules.put(record(bench, { stamp: "x" }), "other")).toBe(false);
    expect(await schedules.put(record(bench), "first"), "a repetition").toBe(true);
    expect(await schedules.put(record(bench, { stamp: "x" }), "first")).toBe(true);
  });

  it("is due by the database's clock, and not before", async () => {
    await using bench = await openBench(place);
    const { schedules } = bench.store;
    await schedules.put(record(bench, { nextRunMs: bench.clock.now() + 5 }), null);
    expect(await schedules.due(LOOK)).toMatchObject({ due: [], nextDueMs: 5 });
    await bench.clock.advance(5);
    const found = await schedules.due(LOOK);
    expect([found.due.length, found.nextDueMs]).toEqual([1, undefined]);
    expect((await schedules.due({ ...LOOK, except: ["s"] })).due).toEqual([]);
  });
});

describe("A16: ten thousand schedules", () => {
  it("cost an idle pass, and a move, an index seek each", async () => {
    await using bench = await openBench("file");
    const { schedules } = bench.store;
    const later = bench.clock.now() + HOUR_MS;
    await schedules.put(record(bench, { nextRunMs: later }), null);
    await bench.write(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
      INSERT INTO errand_schedule SELECT 's' || i, task, queue, priority, max_attempts, payload,
        options, meta, rule, start_at, end_at, max_runs, catch_up, overlap, paused,
        next_run_at + i, last_run_at, last_job_id, runs, created_at, updated_at, stamp
      FROM errand_schedule CROSS JOIN n WHERE name = 's'`);
    bench.statements.length = 0;
    expect(await schedules.due(LOOK)).toMatchObject({ due: [], nextDueMs: HOUR_MS });
    expect(bench.statements.length, "statements of an idle pass").toBe(3);
    await schedules.move([move(bench, "a")], "second");
    await schedules.look("s");
    using raw = openRaw(bench.path);
    const steps = bench.statements.flatMap(({ sql, args }) =>
      raw.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args).map((row) => String(row[3]))
    ).filter((step) => /errand_(?:schedule|job)/.test(step));
    expect(steps.filter((step) => !step.startsWith("SEARCH"))).toEqual([]);
    const byIndex = steps.filter((step) => step.includes("INDEX errand_schedule_due"));
    expect(byIndex).toEqual([
      "SEARCH errand_schedule USING INDEX errand_schedule_due (next_run_at<?)",
      "SEARCH errand_schedule USING INDEX errand_schedule_due (next_run_at>?)",
    ]);
  });

  it("cost a plain job nothing: no statement of its life looks at them", async () => {
    await using bench = await openBench();
    await bench.store.enqueue([newJob("a")]);
    await claim(bench.store, "mine");
    await settle(bench.store, [settlement("a", "mine", outcomes.complete)], ["mine"]);
    expect(bench.statements.filter(({ sql }) => sql.includes("errand_schedule"))).toEqual([]);
  });
});
