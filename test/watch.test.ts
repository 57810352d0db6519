// A17: changes to jobs, also those that other processes make, as an async iterable.
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type JobChange, type Watch } from "../mod.ts";
import type { TestErrand } from "../src/testing/mod.ts";
import { FakeClock, testErrand } from "../src/testing/mod.ts";
import { ring } from "./support/keys.ts";
import { errandAt } from "./support/place.ts";
import { openRaw } from "./support/raw.ts";
import { places } from "./support/store.ts";
import { MAY_STALL } from "./support/stall.ts";
import { tempDir } from "./support/temp.ts";
import { until } from "./support/until.ts";

const quick = defineTask({ name: "quick", run: () => ({ answer: 42 }) });
const broken = defineTask({
  name: "broken",
  queue: "other",
  retry: { maxAttempts: 2, delay: "1s", jitter: 0 },
  run: () => {
    throw new Error("It broke");
  },
});
const tasks = [quick, broken];

/** The next `count` changes. */
async function take(changes: Watch, count: number): Promise<JobChange[]> {
  const taken: JobChange[] = [];
  while (taken.length < count) {
    const { value, done } = await changes.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** What there is to tell by now, and the end of the watch. */
async function rest(errand: TestErrand, changes: Watch): Promise<JobChange[]> {
  const told: JobChange[] = [];
  const reading = (async () => {
    for await (const change of changes) told.push(change);
  })();
  await errand.clock.advance("10s");
  await changes.return!();
  await reading;
  return told;
}

const events = (changes: readonly JobChange[]) => changes.map(({ event }) => event);

describe.each(places)("A17: a watch at %s", (place) => {
  it("tells the whole life of a job, in order, with the job as it stands", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const changes = errand.watch();
    const { id } = await errand.enqueue(quick, undefined, { delay: "1m" });
    const [enqueued] = await take(changes, 1);
    expect(enqueued).toMatchObject({
      ...{ event: "enqueued", id, task: "quick", queue: "default", state: "scheduled" },
      at: new Date(errand.clock.now()),
      job: { id, state: "scheduled" },
    });
    await errand.clock.advance("1m");
    await errand.worker().drain();
    await errand.retry(id);
    await errand.cancel(id);
    await errand.remove(id);
    const told = await rest(errand, changes);
    expect(events(told))
      .toEqual(["due", "started", "completed", "retried", "cancelled", "removed"]);
    expect(told.map(({ state }) => state))
      .toEqual(["available", "running", "completed", "available", "cancelled", "cancelled"]);
    expect(told.every((change) => !("job" in change))).toBe(true);
    expect(told[2]!.at).toEqual(new Date("2030-01-01T00:01:00Z"));
  });

  it("tells of each attempt that failed whether another follows", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const changes = errand.watch({ task: "broken", event: "failed" });
    const { id } = await errand.enqueue(broken);
    await errand.enqueue(quick);
    const worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1s");
    await errand.clock.advance("1s");
    await worker.stop();
    const told = await rest(errand, changes);
    expect(told.map(({ id, willRetry, state }) => ({ id, willRetry, state }))).toEqual([
      { id, willRetry: true, state: "scheduled" },
      { id, willRetry: false, state: "failed" },
    ]);
    expect(told[1]!.job!.error!.message).toBe("It broke");
  });

  it("goes on from a cursor exactly, whatever happened in between", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const first = errand.watch();
    await first.begun;
    const jobs = await errand.enqueueMany(quick, [1, 2, 3, 4, 5]);
    const [one, two] = await take(first, 2);
    await first.return!();
    await errand.worker().drain();
    const again = await rest(errand, errand.watch({}, { cursor: one!.cursor }));
    expect(again).toHaveLength(4 + 5 + 5);
    expect(again[0]!.cursor).toBe(two!.cursor);
    expect(again.slice(0, 4).map(({ id }) => id)).toEqual(jobs.slice(1).map(({ id }) => id));
    const cursors = again.map(({ cursor }) => cursor);
    const more = await rest(errand, errand.watch({}, { cursor: again[6]!.cursor }));
    expect(more.map(({ cursor }) => cursor)).toEqual(cursors.slice(7));
  });

  it("tells of what was removed, one by one, by many, by retention and at its end", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const [one, two, three] = await errand.enqueueMany(quick, [1, 2, 3]);
    const spent = await errand.enqueue(quick, undefined, { retention: 0, queue: "spent" });
    const lapsed = await errand.enqueue(quick, undefined, { retention: "1s", queue: "lapsed" });
    const changes = errand.watch({ event: "removed" });
    await errand.remove(one!.id);
    await errand.removeMany({ queue: "default" });
    await errand.worker({ queues: ["spent", "lapsed"] }).drain();
    await errand.clock.advance("1m");
    await errand.worker({ queues: ["none"] }).drain();
    const told = await rest(errand, changes);
    expect(told.map(({ id, state }) => [id, state])).toEqual([
      ...[one, two, three].map((job) => [job!.id, "available"]),
      [spent.id, "running"],
      [lapsed.id, "completed"],
    ]);
  });

  it("costs nothing while nobody watches, and again once the feed was dropped", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand, path } = placed;
    const look = () => {
      using raw = openRaw(path);
      return {
        triggers: raw.rows("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")[0]![0],
        changes: raw.rows("SELECT count(*) FROM errand_change")[0]![0],
      };
    };
    const seen = () => place === "memory" ? { triggers: 0, changes: 0 } : look();
    await errand.enqueue(quick);
    await errand.worker().drain();
    expect(seen()).toEqual({ triggers: 0, changes: 0 });
    const changes = errand.watch();
    await errand.enqueue(quick);
    const [{ cursor }] = await take(changes, 1) as [JobChange];
    await changes.return!();
    if (place !== "memory") expect(look()).toEqual({ triggers: 3, changes: 1 });
    await errand.clock.advance("9m");
    await errand.worker().drain(); // its janitor leaves the feed alone
    expect(events(await rest(errand, errand.watch({}, { cursor })))).toEqual([
      "started",
      "completed",
    ]);
    await errand.clock.advance("11m");
    await errand.worker().drain();
    await errand.enqueue(quick);
    expect(seen()).toEqual({ triggers: 0, changes: 0 });
    await expect(errand.watch({}, { cursor }).next()).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `Cannot watch jobs from cursor "${cursor}": what followed it is no longer kept; ` +
        `watch without a cursor, and list the jobs`,
    });
  });
});

describe("A17: a watch", () => {
  it("tells of snoozes, releases, rescues, progress, updates and other times", async () => {
    const clock = new FakeClock();
    await using errand = await testErrand({ clock });
    const turns = defineTask<{ page: number }>({
      name: "turns",
      async run({ job, progress, update, snooze, signal }) {
        if (job.attempt === 1 && turn++ === 0) return snooze("5s");
        await progress({ half: true });
        await clockStep("600ms");
        await update({ page: 2 });
        await clockStep("600ms");
        return await new Promise((_, reject) => signal.addEventListener("abort", reject));
      },
    });
    let turn = 0;
    let step: (() => void) | undefined;
    const clockStep = (_: string) => new Promise<void>((resolve) => step = resolve);
    errand.register(turns);
    const unique = { key: "k", onConflict: "reschedule" } as const;
    const changes = errand.watch();
    const job = await errand.enqueue(turns, { page: 1 }, { delay: "1m", unique });
    await errand.enqueue(turns, { page: 1 }, { delay: "2s", unique });
    const worker = errand.worker({ lease: "5s" });
    await worker.start();
    await clock.advance("8s");
    await until(() => expect(step).toBeDefined());
    await clock.advance("1s");
    step!();
    await clock.advance("1s");
    await worker.stop();
    const told = await rest(errand, changes);
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set([job.id]));
    expect(events(told)).toEqual([
      ...["enqueued", "rescheduled", "due", "started", "snoozed", "due", "started"],
      ...["progress", "updated", "released"],
    ]);
  });

  it("tells of a rescue", async () => {
    const clock = new FakeClock();
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const stuck = defineTask({ name: "stuck", run: () => new Promise(() => {}) });
    const lost = await testErrand({ url, tasks: [stuck], clock: new FakeClock() });
    await using errand = await testErrand({ url, tasks: [quick], clock });
    const changes = errand.watch({ event: ["rescued", "started"] });
    await changes.begun;
    await lost.enqueue(stuck);
    await lost.worker().start();
    await clock.advance("1m"); // the other clock stands still, as a dead worker's does
    await errand.worker({ queues: ["none"] }).drain();
    expect(events(await rest(errand, changes))).toEqual(["started", "rescued"]);
    await lost.close({ grace: 0 });
  });

  it("tells only what its filter lets through, and its cursor passes over the rest", async () => {
    await using errand = await testErrand({ tasks });
    const [one, two] = await errand.enqueueMany(quick, [1, 2]);
    const parent = errand.watch({ parentId: one!.id });
    const byId = errand.watch({ ids: [two!.id], state: ["cancelled", "running"] });
    const byQueue = errand.watch({ queue: "other" });
    const child = await errand.enqueue(broken, undefined, { parentId: one!.id });
    await errand.cancelMany({ all: true });
    const before = byId.cursor!;
    expect((await rest(errand, parent)).map(({ id }) => id)).toEqual([child.id, child.id]);
    expect((await rest(errand, byQueue)).map(({ id }) => id)).toEqual([child.id, child.id]);
    const told = await rest(errand, byId);
    expect(told.map(({ id, event }) => [id, event])).toEqual([[two!.id, "cancelled"]]);
    expect(byId.cursor).not.toBe(before);
    expect(await rest(errand, errand.watch({}, { cursor: parent.cursor! }))).toEqual([]);
  });

  it("hears of its own process without a clock that moves", async () => {
    await using errand = await testErrand({ tasks });
    const changes = errand.watch();
    const taking = take(changes, 3);
    await changes.begun;
    await errand.clock.advance(1);
    await errand.enqueue(quick);
    await errand.worker().drain();
    expect(events(await taking)).toEqual(["enqueued", "started", "completed"]);
  });

  it("C8: misses no change, whenever it falls between its look and its subscription", async () => {
    await using errand = await testErrand({ tasks }); // no timer can help it out
    for (let turns = 0; turns < 40; turns++) {
      const changes = errand.watch({ event: "enqueued" });
      await changes.begun;
      const next = changes.next();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const { id } = await errand.enqueue(quick);
      expect((await next).value?.id).toBe(id);
      await changes.return!();
    }
  });

  it("ends at break, at return while it waits, and at its signal, and sets no timer then", async () => {
    const clock = new CountingClock();
    await using errand = await testErrand({ tasks, clock });
    await errand.enqueue(quick);
    const controller = new AbortController();
    const byReturn = errand.watch();
    const bySignal = errand.watch({}, { signal: controller.signal });
    const waiting = [byReturn.next(), bySignal.next()];
    await clock.advance(1);
    expect(clock.timers).toBeGreaterThan(0);
    await byReturn.return!();
    controller.abort();
    for (const one of waiting) expect(await one).toEqual({ value: undefined, done: true });
    expect(await errand.watch({}, { signal: controller.signal }).next())
      .toEqual({ value: undefined, done: true });
    const byBreak = errand.watch();
    await errand.enqueue(quick);
    for await (const { event } of byBreak) {
      expect(event).toBe("enqueued");
      break;
    }
    expect(clock.timers).toBe(0);
  });

  it("throws once its Errand is closed, and leaves no timer", async () => {
    const clock = new CountingClock();
    const errand = await testErrand({ tasks, clock });
    const waiting = errand.watch().next();
    const rejected = expect(waiting).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    await clock.advance(1);
    await errand.close();
    await rejected;
    expect(clock.timers).toBe(0);
  });

  it("keeps the feed on for as long as it goes on", async () => {
    await using errand = await testErrand({ tasks });
    const changes = errand.watch();
    const next = changes.next();
    const worker = errand.worker();
    await worker.start();
    await errand.clock.advance("1h");
    await worker.stop();
    await errand.enqueue(quick);
    expect((await next).value?.event).toBe("enqueued");
    await changes.return!();
  });

  it("says that it may have missed something when its triggers are gone", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await testErrand({ url: `file:${path}`, tasks });
    const changes = errand.watch();
    await errand.enqueue(quick);
    await take(changes, 1);
    const next = expect(changes.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    {
      using raw = openRaw(path);
      raw.exec("DROP TRIGGER errand_change_update");
    }
    await errand.clock.advance("3m");
    await next;
    const again = errand.watch();
    await errand.worker().drain();
    expect(events(await rest(errand, again))).toEqual(["started", "completed"]);
  });

  it("opens encrypted jobs, and tells without the key that they are locked", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const clock = new FakeClock();
    const encryption = ring(1);
    await using errand = await testErrand({ url, tasks, clock, encryption });
    await using blind = await testErrand({ url, clock });
    const watches = [errand.watch(), blind.watch()];
    await Promise.all(watches.map(({ begun }) => begun));
    await errand.enqueue(quick, { secret: 1 });
    const [open, locked] = await Promise.all(watches.map((watch) => take(watch, 1)));
    expect(open![0]!.job!.payload).toEqual({ secret: 1 });
    expect(locked![0]!.job!.locked!.code).toBe("NO_KEY");
    await Promise.all(watches.map((watch) => watch.return!()));
  });

  it("refuses what it cannot do", async () => {
    await using errand = await testErrand({ tasks });
    const cases: [() => unknown, string][] = [
      [() => errand.watch(null as never), "Cannot watch jobs by null: a filter is an object"],
      [
        () => errand.watch({ meta: {} } as never),
        'Cannot watch jobs by "meta": a filter for watching has only ids, state, event, queue, ' +
        "task, parentId",
      ],
      [
        () => errand.watch({ event: "ended" as never }),
        /^Cannot watch jobs by event "ended": events are enqueued, due, /.source,
      ],
      [() => errand.watch({ state: "done" as never }), 'Cannot watch jobs in state "done": '],
      [() => errand.watch({ ids: "a" as never }), 'Cannot watch jobs by ids "a": it is a list'],
      [
        () => errand.watch({}, { cursor: "5" }),
        'Cannot watch jobs from cursor "5": it is none that a change has told',
      ],
    ];
    for (const [act, message] of cases) {
      const text = message.replace(/^\^/, "");
      expect(act).toThrow(expect.objectContaining({
        code: "INVALID_INPUT",
        message: expect.stringContaining(text),
      }));
    }
  });

  it("hears of another Errand on the same file soon", MAY_STALL, async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using first = await Errand.open({ url, tasks });
    await using second = await Errand.open({ url });
    const changes = second.watch();
    await changes.begun;
    const taking = take(changes, 3);
    const startMs = performance.now();
    await first.enqueue(quick);
    await first.worker().drain();
    expect(events(await taking)).toEqual(["enqueued", "started", "completed"]);
    expect(performance.now() - startMs).toBeLessThan(3_000); // the backstop looks after 5 s
    await changes.return!();
  });

  it("C8: resumed again and again among enqueuers and workers, loses and repeats nothing", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const open = () => Errand.open({ url, tasks: [quick], synchronous: "normal" });
    await using first = await open();
    await using second = await open();
    await using watching = await open();
    const begin = watching.watch();
    await begin.begun;
    let cursor = begin.cursor!;
    const ids: string[] = [];
    const enqueuing = (async () => {
      for (let i = 0; i < 60; i++) {
        const [a, b] = await Promise.all([
          first.enqueueMany(quick, Array.from({ length: 5 })),
          second.enqueue(quick),
        ]);
        ids.push(...a.map(({ id }) => id), b.id);
      }
    })();
    await using one = first.worker({ concurrency: 3 });
    await using two = second.worker({ concurrency: 7 });
    await Promise.all([one.start(), two.start()]);
    const told: string[] = [];
    for (let size = 1; told.length < 60 * 6 * 3; size = size % 37 + 1) {
      const changes = watching.watch({}, { cursor });
      for (const change of await take(changes, Math.min(size, 1_080 - told.length))) {
        told.push(`${change.id} ${change.event}`);
        cursor = change.cursor;
      }
      await changes.return!();
    }
    await enqueuing;
    const wanted = ids.flatMap((id) =>
      ["enqueued", "started", "completed"].map((event) => `${id} ${event}`)
    );
    expect([...told].sort()).toEqual(wanted.sort());
    for (const id of ids) {
      const own = told.filter((one) => one.startsWith(id)).map((one) => one.split(" ")[1]);
      expect(own).toEqual(["enqueued", "started", "completed"]);
    }
  });
});

/** Knows how many timers are set. */
class CountingClock extends FakeClock {
  timers = 0;

  override timer(delayMs: number, run: () => void): () => void {
    let set = true;
    const done = (): void => {
      if (set) this.timers--;
      set = false;
    };
    this.timers++;
    const cancel = super.timer(delayMs, () => {
      done();
      run();
    });
    return () => {
      done();
      cancel();
    };
  }
}
