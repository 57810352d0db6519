import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { openRaw, type Raw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

/** A task whose attempts take some turns of the event loop, and how many of them ran at once. */
function crowd(queue: string, turns = 3) {
  const seen = { running: 0, most: 0 };
  const task = defineTask({
    name: queue,
    queue,
    run: async () => {
      seen.most = Math.max(seen.most, ++seen.running);
      for (let turn = 0; turn < turns; turn++) await new Promise((done) => setTimeout(done, 1));
      seen.running--;
    },
  });
  return { task, seen };
}

function rowsHeld(raw: Raw): number {
  return Number(raw.rows("SELECT count(*) FROM errand_job WHERE state = 'running'")[0]?.[0]);
}

describe("A5, A11: a worker's slots", () => {
  it("as many attempts run at once as concurrency says, and no more", async () => {
    const { task, seen } = crowd("all");
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueueMany(task, Array.from({ length: 50 }, () => ({})));
    await errand.worker({ concurrency: 7 }).drain();
    expect(seen.most).toBe(7);
  });

  it("each queue has its own limit within the limit of all", async () => {
    const [images, mail] = [crowd("images"), crowd("mail")];
    await using errand = await testErrand({ tasks: [images.task, mail.task] });
    await errand.enqueueMany(images.task, Array.from({ length: 40 }, () => ({})));
    await errand.enqueueMany(mail.task, Array.from({ length: 40 }, () => ({})));
    const drained = await errand.worker({ queues: { images: 2, mail: 5 } }).drain();
    expect(drained.completed).toBe(80);
    expect([images.seen.most, mail.seen.most]).toEqual([2, 5]);
  });

  it("the limit of all holds across queues", async () => {
    const [images, mail] = [crowd("images"), crowd("mail")];
    let most = 0;
    await using errand = await testErrand({ tasks: [images.task, mail.task] });
    errand.on("started", () => {
      most = Math.max(most, images.seen.running + mail.seen.running);
    });
    await errand.enqueueMany(images.task, Array.from({ length: 30 }, () => ({})));
    await errand.enqueueMany(mail.task, Array.from({ length: 30 }, () => ({})));
    await errand.worker({ queues: { images: 4, mail: 4 }, concurrency: 5 }).drain();
    expect(most + 1).toBe(5); // the started one had not been counted yet
  });

  it("a full queue does not keep another one from its slots", async () => {
    const open = gate();
    const slow = defineTask({ name: "slow", queue: "slow", run: () => open.opened });
    const fast = defineTask({ name: "fast", queue: "fast", run: () => {} });
    await using errand = await testErrand({ tasks: [slow, fast] });
    await errand.enqueueMany(slow, Array.from({ length: 10 }, () => ({})), { priority: 9 });
    const last = (await errand.enqueueMany(fast, Array.from({ length: 10 }, () => ({})))).at(-1)!;
    await using worker = errand.worker({ queues: { slow: 1, fast: 1 } });
    await worker.start();
    expect((await errand.wait(last.id)).state).toBe("completed");
    open.open();
  });

  it("it serves no queue that it was not told to serve", async () => {
    const [images, mail] = [crowd("images"), crowd("mail")];
    await using errand = await testErrand({ tasks: [images.task, mail.task] });
    await errand.enqueue(images.task);
    await errand.enqueue(mail.task);
    expect((await errand.worker({ queues: ["mail"] }).drain()).completed).toBe(1);
    expect((await errand.stats()).queues).toMatchObject({
      images: { available: 1 },
      mail: { completed: 1 },
    });
  });

  it("of 10,000 jobs it holds its slots at most, with slow handlers", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const held = new Set<number>();
    const slow = defineTask({
      name: "slow",
      run: async () => {
        held.add(rowsHeld(raw));
        await errand.clock.advance("1s");
      },
    });
    await using errand = await testErrand({ url: `file:${path}`, tasks: [slow] });
    using raw = openRaw(path);
    await errand.enqueueMany(slow, Array.from({ length: 10_000 }, () => ({})));
    await errand.worker({ concurrency: 4 }).drain({ maxJobs: 40 });
    expect(Math.max(...held)).toBe(4);
  });

  it("of 10,000 jobs it holds its slots and prefetch at most, with fast handlers", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const held = new Set<number>();
    const fast = defineTask({ name: "fast", run: () => void held.add(rowsHeld(raw)) });
    await using errand = await testErrand({ url: `file:${path}`, tasks: [fast] });
    using raw = openRaw(path);
    await errand.enqueueMany(fast, Array.from({ length: 10_000 }, () => ({})));
    const drained = await errand.worker({ concurrency: 10, prefetch: 30 }).drain({ maxJobs: 600 });
    expect(drained.completed).toBe(600);
    expect(Math.max(...held)).toBe(40);
  });

  it("without prefetch it never holds more than its slots", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const held = new Set<number>();
    const fast = defineTask({ name: "fast", run: () => void held.add(rowsHeld(raw)) });
    await using errand = await testErrand({ url: `file:${path}`, tasks: [fast] });
    using raw = openRaw(path);
    await errand.enqueueMany(fast, Array.from({ length: 500 }, () => ({})));
    await errand.worker({ concurrency: 10, prefetch: 0 }).drain();
    expect(Math.max(...held)).toBe(10);
  });
});

describe("the order of work", () => {
  it("higher priorities run first, equal ones in the order of their time", async () => {
    const order: unknown[] = [];
    const note = defineTask({ name: "note", run: ({ input }) => void order.push(input) });
    await using errand = await testErrand({ tasks: [note] });
    await errand.enqueueMany([
      { task: note, payload: "low", priority: -5 },
      { task: note, payload: "first" },
      { task: note, payload: "second" },
      { task: note, payload: "high", priority: 5 },
    ]);
    await errand.clock.advance("1s");
    await errand.enqueue(note, "later");
    await errand.worker({ concurrency: 1 }).drain();
    expect(order).toEqual(["high", "first", "second", "later", "low"]);
  });

  it("a paused queue waits, its neighbour goes on, and resume wakes the worker", async () => {
    const [images, mail] = [crowd("images", 0), crowd("mail", 0)];
    await using errand = await testErrand({ tasks: [images.task, mail.task] });
    await errand.queues.pause("images");
    const job = await errand.enqueue(images.task);
    await errand.enqueue(mail.task);
    expect(await errand.worker().drain()).toMatchObject({
      completed: 1,
      remaining: { available: 1 },
    });
    await using worker = errand.worker({ pollInterval: "1h" });
    await worker.start();
    await errand.queues.resume("images"); // the clock stands still: no poll finds it
    expect((await errand.wait(job.id)).state).toBe("completed");
  });

  it("a queue that is paused while its jobs run lets them end", async () => {
    const open = gate();
    const work = defineTask({ name: "work", run: () => open.opened });
    await using errand = await Errand.open({ url: ":memory:", tasks: [work] });
    const [first, second] = await errand.enqueueMany(work, [1, 2]);
    await using worker = errand.worker({ concurrency: 1 });
    await worker.start();
    await errand.queues.pause("default");
    open.open();
    expect((await errand.wait(first!.id)).state).toBe("completed");
    await worker.stop();
    expect((await errand.get(second!.id))?.state).toBe("available");
  });
});
