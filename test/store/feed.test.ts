// The feed of changes: what it keeps, for how long, and what it costs.
import { describe, expect, it } from "vitest";
import {
  claim,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
  uniqueJob,
} from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const all = (after: string, limit = 1_000) => ({ after, query: {}, limit });

/** Number of the cursor. */
const seqOf = (cursor: string) => Number(cursor.slice(cursor.lastIndexOf("-") + 1));

const countChanges = async ({ rows }: Bench) =>
  Number((await rows("SELECT count(*) FROM errand_change"))[0]![0]);

describe.each(places)("the feed at %s", (place) => {
  it("is read a bounded stretch at a time, whether its changes fit or not", async () => {
    await using bench = await openBench(place);
    const { feed } = bench.store;
    const start = await feed.keep();
    await bench.store.enqueue(["a", "b", "c", "d", "e"].map((id) => newJob(id)));
    const query = { ids: ["a", "d"] };
    const first = await feed.changes({ after: start, query, limit: 3 });
    expect(first).toMatchObject({ more: true, lost: false });
    expect(first.changes.map(({ id }) => id)).toEqual(["a"]);
    expect(seqOf(first.cursor)).toBe(3);
    const second = await feed.changes({ after: first.cursor, query, limit: 3 });
    expect(second.changes.map(({ id, cursor }) => [id, seqOf(cursor)])).toEqual([["d", 4]]);
    expect(second.more).toBe(false);
    const third = await feed.changes({ after: second.cursor, query, limit: 3 });
    expect(third).toMatchObject({ changes: [], cursor: second.cursor, more: false, lost: false });
  });

  it("records one row for each change and none for what changes nothing", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    await store.feed.keep();
    await store.enqueue([newJob("a"), uniqueJob("b")]);
    await store.enqueue([newJob("a"), uniqueJob("c")]); // one is there, the other has a rival
    await claim(store, "mine");
    await claim(store, "mine");
    await settle(store, [settlement("a", "mine", outcomes.complete)], ["mine"]);
    await settle(store, [settlement("a", "mine", outcomes.complete)], ["mine"]);
    expect(await countChanges(bench)).toBe(2 + 2 + 1);
  });

  it("tells nothing that was rolled back", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    const after = await store.feed.keep();
    await store.enqueue([newJob("a")]);
    await claim(store, "mine");
    const outcome = {
      ...outcomes.complete,
      statements: [{ sql: "INSERT INTO nowhere VALUES (1)", args: [] }],
    };
    const refused = { ...settlement("a", "mine", outcome), outcome, repeated: false };
    expect((await store.complete(refused)).kind).toBe("refused");
    const { changes } = await store.feed.changes(all(after));
    expect(changes.map(({ event }) => event)).toEqual(["enqueued", "started"]);
  });

  it("prunes what is old, the newest change excepted, and refuses a cursor before that", async () => {
    await using bench = await openBench(place);
    const { feed } = bench.store;
    const start = await feed.keep();
    await bench.store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    expect(await feed.tidy()).toBe(0);
    await bench.write("UPDATE errand_change SET at = 0 WHERE seq <= 2");
    expect(await feed.tidy()).toBe(2);
    const page = await feed.changes(all(start));
    expect(page).toMatchObject({ lost: true, changes: [] });
    const rest = await feed.changes(all(start.replace(/0$/, "2")));
    expect(rest.changes.map(({ id }) => id)).toEqual(["c", "d"]);
    await bench.write("UPDATE errand_change SET at = 0");
    expect(await feed.tidy()).toBe(1);
    expect(await feed.tidy()).toBe(0);
    expect((await feed.changes(all(rest.cursor))).lost).toBe(false);
    await bench.store.enqueue([newJob("e")]);
    expect((await feed.changes(all(rest.cursor))).changes.map(({ id }) => id)).toEqual(["e"]);
  });

  it("removes only from its end, even where a clock was set back", async () => {
    await using bench = await openBench(place);
    await bench.store.feed.keep();
    await bench.store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    await bench.write("UPDATE errand_change SET at = 0 WHERE seq IN (1, 3)");
    expect(await bench.store.feed.tidy()).toBe(1);
    expect((await bench.rows("SELECT seq FROM errand_change ORDER BY seq")).flat())
      .toEqual([2, 3, 4]);
  });

  it("is bounded in rows, and pruned and emptied in bounded batches", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.feed.keep();
    await bench.write(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 207000)
      INSERT INTO errand_change (at, event, job_id, task, queue, state)
      SELECT 9999999999999, 'due', 'j', 't', 'q', 'available' FROM n`);
    expect(await store.feed.tidy()).toBe(5_000);
    expect(await store.feed.tidy()).toBe(1_999);
    expect(await store.feed.tidy()).toBe(0);
    await clock.advance("10m");
    expect(await store.feed.tidy()).toBe(5_000);
    await bench.write("DELETE FROM errand_change WHERE seq < 206000");
    expect(await store.feed.tidy()).toBe(1_001);
    expect(await store.feed.tidy()).toBe(0);
    expect(await countChanges(bench)).toBe(0);
  }, 30_000);

  it("that ended is another one when it begins anew: its cursors are refused", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    const old = await store.feed.keep();
    await clock.advance("10m");
    expect(await store.feed.keep()).toBe(old); // it was not yet dropped, and missed nothing
    await clock.advance("10m");
    await store.feed.tidy();
    const fresh = await store.feed.keep();
    expect(fresh).not.toBe(old);
    expect((await store.feed.changes(all(old))).lost).toBe(true);
    expect((await store.feed.changes(all(fresh))).lost).toBe(false);
    expect((await store.feed.changes(all(`${fresh}9`))).lost).toBe(true); // of a later state
  });

  it("costs three reads when idle, and no statement of a plain job when it is off", async () => {
    await using bench = await openBench(place);
    const { store, statements, clock } = bench;
    const life = async (id: string) => {
      statements.length = 0;
      await store.enqueue([newJob(id)]);
      await claim(store, `of ${id}`);
      await settle(store, [settlement(id, `of ${id}`, outcomes.complete)], [`of ${id}`]);
      const [row] = await bench.rows("SELECT total_changes()");
      return { sql: statements.map(({ sql }) => sql), rows: Number(row![0]) };
    };
    const before = await life("a");
    const same = await life("b");
    await store.feed.keep();
    const kept = Number((await bench.rows("SELECT total_changes()"))[0]![0]);
    const watched = await life("c");
    await clock.advance("10m");
    await store.feed.tidy();
    const tidied = Number((await bench.rows("SELECT total_changes()"))[0]![0]);
    const after = await life("d");
    if (place === "client") return; // each batch may have another connection, and its own total
    const cost = same.rows - before.rows;
    expect(watched.rows - kept).toBe(cost + 3);
    expect(after.rows - tidied).toBe(cost);
    expect(after.sql).toEqual(same.sql);
  });

  it("tells that expired jobs were pruned and rescued ones put back", async () => {
    await using bench = await openBench(place);
    const { store, clock } = bench;
    await store.enqueue([newJob("a"), newJob("b")]);
    await claim(store, "mine", ["q"], { limit: 1 });
    const after = await store.feed.keep();
    await clock.advance("1m");
    await store.rescue(rescueAll);
    await store.cancel("b", rescueAll.retentions);
    await clock.advance("1m");
    await store.prune("", 100);
    const { changes } = await store.feed.changes(all(after));
    expect(changes.map(({ id, event, state }) => [id, event, state])).toEqual([
      ["a", "rescued", "available"],
      ["b", "cancelled", "cancelled"],
      ["b", "removed", "cancelled"],
    ]);
  });
});
