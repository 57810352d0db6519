// Batches of many changes: what has changed since it was looked up is left alone.
import { describe, expect, it } from "vitest";
import type { Broker, BulkRequest, JobQuery } from "../../src/broker.ts";
import { Events } from "../../src/events.ts";
import { changeMany } from "../../src/history.ts";
import { Tasks } from "../../src/tasks.ts";
import { Wake } from "../../src/wake.ts";
import { claim, newJob, outcomes, rescueAll, settle, settlement } from "../support/jobs.ts";
import { openRaw } from "../support/raw.ts";
import type { Statement } from "../../src/store/driver/driver.ts";
import { indexFields } from "../../src/store/fields.ts";
import { openBench, openDriver, places, recording } from "../support/store.ts";

const { retentions } = rescueAll;
const live: JobQuery = { states: ["scheduled", "available", "running"] };
const request = (more: Partial<BulkRequest>): BulkRequest => ({
  ...{ verb: "cancel", query: live, ids: ["a", "b", "c"], retentions },
  ...more,
});

describe.each(places)("in a store at %s", (place) => {
  it("an interrupted purge has kept its batches, and the next one does the rest", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    const ids = Array.from({ length: 1_200 }, (_, i) => `job ${1_000 + i}`);
    await store.enqueue(ids.map((id) => newJob(id)));
    let calls = 0;
    const broker = {
      fitting: store.fitting.bind(store),
      changeMany: (batch: BulkRequest) =>
        ++calls === 5 ? Promise.reject(new Error("the power fails")) : store.changeMany(batch),
    } as unknown as Broker;
    const events = new Events(() => {});
    const wake = new Wake(clock);
    const host = { broker, events, wake, tasks: new Tasks(), retentionMs: null };
    expect(await changeMany(host, "cancel", { all: true })).toEqual({ count: 1_200 });
    await expect(changeMany(host, "purge", { all: true })).rejects.toThrow("the power fails");
    expect((await bench.tables()).tally).toEqual({ "q cancelled": 700 });
    expect(Object.keys((await bench.tables()).jobs)).toEqual(ids.slice(500));
    expect(await changeMany(host, "purge", { all: true })).toEqual({ count: 700 });
    expect(await bench.tables()).toEqual({ jobs: {}, leases: {}, tally: {}, logs: [] });
  });

  it("a job that no longer fits when its batch comes is left alone", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    await claim(store, "mine", ["q"], { limit: 2 });
    await settle(store, ["a", "b"].map((id) => settlement(id, "mine", outcomes.fail)), ["mine"]);
    const failed: JobQuery = { states: ["failed"] };
    expect(await store.fitting(failed, "", 10)).toEqual(["a", "b"]);
    await store.retry("a", null, 0); // meanwhile, by someone else
    const removed = await store.changeMany(request({ verb: "remove", query: failed }));
    expect(removed).toEqual([{ id: "b", task: "task", queue: "q" }]);
    expect((await store.get("a"))?.state).toBe("available");
    expect((await bench.tables()).tally).toEqual({});
  });

  it("every batch that is repeated changes nothing more", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    await claim(store, "mine", ["q"], { limit: 1 });
    expect(await store.changeMany(request({}))).toHaveLength(3);
    const after = await bench.tables();
    expect(await store.changeMany(request({}))).toEqual([]);
    expect(await bench.tables()).toEqual(after);
    expect(after.tally).toEqual({ "q cancelled": 3 });
  });

  it("an outcome of a job that a batch has cancelled comes too late", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue([newJob("a")]);
    await claim(store, "mine");
    await store.changeMany(request({}));
    const { lost } = await settle(store, [settlement("a", "mine", outcomes.complete)], ["mine"]);
    expect([...lost]).toEqual(["a"]);
    expect((await store.get("a"))?.state).toBe("cancelled");
  });

  it("no batch removes a job that runs", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.enqueue([newJob("a"), newJob("b")]);
    await claim(store, "mine", ["q"], { limit: 1 });
    const query: JobQuery = { states: ["available"] };
    const removed = await store.changeMany(request({ verb: "remove", query }));
    expect(removed.map(({ id }) => id)).toEqual(["b"]);
    expect((await bench.tables()).tally).toEqual({}); // live jobs are not counted there
  });
});

describe("the plan of a batch", () => {
  const verbs = ["cancel", "retry", "remove"] as const;
  it.each(verbs)("that is to %s finds each job by its key", async (verb) => {
    await using bench = await openBench("file");
    await bench.store.indexFields([{ task: "task", field: "size" }]);
    bench.statements.length = 0;
    const where = [{ field: "size", value: 5 }];
    for (const query of [live, { ...live, queue: "q" }, { ...live, task: "task", where }]) {
      await bench.store.changeMany(request({ verb, query }));
    }
    using raw = openRaw(bench.path);
    const steps = bench.statements.flatMap(({ sql, args }) =>
      raw.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args).map((row) => String(row[3]))
    ).filter((step) => /^\w+ errand_job\b/.test(step));
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter((step) => !/^SEARCH errand_job .*\bid=\?/.test(step))).toEqual([]);
  });
});

describe("the plan of a search by a field", () => {
  it.each(["newest", "oldest"] as const)(
    "by %s walks its index and sorts nothing",
    async (order) => {
      await using bench = await openBench("file");
      await bench.store.indexFields([{ task: "task", field: "size" }]);
      const query = {
        ...{ states: [], task: "task", where: [{ field: "size", value: 5 }] },
        ...{ limit: 10, after: "a", order },
      };
      bench.statements.length = 0;
      await bench.store.list(query);
      await bench.store.fitting({ ...query, states: ["failed"] }, "a", 10);
      using raw = openRaw(bench.path);
      const steps = bench.statements.flatMap(({ sql, args }) =>
        raw.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args).map((row) => String(row[3]))
      );
      const by = `(<expr>=? AND id${order === "newest" ? "<" : ">"}?)`;
      const name = "errand_field_task_3a_size";
      expect(steps.filter((step) => step.includes("errand_job"))).toEqual([
        "SEARCH errand_job USING PRIMARY KEY (id=?)",
        `SEARCH errand_job USING INDEX ${name} ${by}`,
        `SEARCH errand_job USING INDEX ${name} (<expr>=? AND id>?)`,
      ]);
      expect(steps.filter((step) => step.includes("TEMP"))).toEqual([]);
    },
  );
});

it("an index that is there is only looked for, so that opening takes no lock", async () => {
  await using bench = await openBench("file");
  const fields = [{ task: "task", field: "size" }];
  await bench.store.indexFields(fields);
  const statements: Statement[] = [];
  const driver = recording(await openDriver("file", bench.path), statements);
  await indexFields(driver, fields, new Set());
  expect(statements.map(({ sql }) => sql.trim().split(" ")[0]!.trim())).toEqual(["SELECT"]);
  await driver.close();
});
