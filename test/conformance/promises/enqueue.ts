// Jobs are added as they were meant, or not at all.
import { defineTask } from "../../../mod.ts";
import { equal, holds, like, refused } from "../assert.ts";
import { open, openLive, type Promises } from "../place.ts";

const work = defineTask({
  name: "work",
  retry: { maxAttempts: 1 },
  run: ({ input }) => ({ got: input }),
});

const PAYLOADS: readonly unknown[] = [
  ...[null, 0, -1.5, 2 ** 53 - 1, "", "ü 😀 \u0000 \"'`\\", true, []],
  { nested: [{ deep: [[]] }], 'key with " quote': 1, __proto: null },
  "x".repeat(100_000),
];

export const enqueueing: Promises = {
  "an enqueued job is read back as it was accepted": async (place) => {
    await using errand = await open(place);
    const { enqueued, ...job } = await errand.enqueue("work", { n: 1 }, {
      ...{ queue: "images", priority: 7, delay: "1h", meta: { tenant: "acme" } },
      ...{ retry: { maxAttempts: 3 }, timeout: "5s", retention: "1d", parentId: "p" },
    });
    equal(enqueued, "inserted");
    like(job, { state: "scheduled", queue: "images", priority: 7, attempt: 0 });
    equal(job.runAt.getTime(), errand.clock.now() + 3_600_000);
    equal(await errand.get(job.id), job);
    equal(await errand.get("no such job"), undefined);
  },

  "payloads and results of every shape arrive unchanged": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const jobs = await errand.enqueueMany(work, PAYLOADS);
    await errand.worker().drain();
    for (const [at, { id }] of jobs.entries()) {
      const job = await errand.get(id);
      equal(job?.payload, PAYLOADS[at]);
      equal(job?.result, { got: PAYLOADS[at] });
    }
  },

  "a thousand jobs of one call are all there, in their order": async (place) => {
    await using errand = await open(place);
    const entries = Array.from({ length: 1_000 }, (_, n) => ({ task: "work", payload: n }));
    const jobs = await errand.enqueueMany(entries);
    like(await errand.stats(), { available: 1_000 });
    const listed = await errand.list({ limit: 1_000, order: "oldest" });
    equal(listed.jobs.map(({ id }) => id), jobs.map(({ id }) => id));
    equal(listed.jobs.map(({ payload }) => payload), entries.map(({ payload }) => payload));
  },

  "calls of one turn are each answered with their own job": async (place) => {
    await using errand = await open(place);
    const calls = Array.from({ length: 50 }, (_, n) => errand.enqueue("work", n));
    const jobs = await Promise.all(calls);
    equal(jobs.map(({ payload }) => payload), jobs.map((_, n) => n));
    equal(new Set(jobs.map(({ id }) => id)).size, 50);
  },

  "of many jobs none is added when one is refused": async (place) => {
    await using errand = await open(place, { payloadLimit: 1_000 });
    const entry = { task: "work", payload: 1 };
    const tooLarge = { task: "work", payload: "x".repeat(1_000) };
    await refused(() => errand.enqueueMany([entry, tooLarge]), "PAYLOAD_TOO_LARGE");
    await refused(() => errand.enqueueMany([entry, { ...entry, payload: 1n }]), "INVALID_INPUT");
    like(await errand.stats(), { available: 0 });
  },

  "a delayed job runs when it is due, and not before": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const { id } = await errand.enqueue(work, 1, { delay: "1m" });
    const at = new Date(errand.clock.now() + 120_000);
    const later = await errand.enqueue(work, 2, { runAt: at });
    like(await errand.worker().drain(), { completed: 0, remaining: { scheduled: 2 } });
    await errand.clock.advance(59_999);
    like(await errand.worker().drain(), { completed: 0 });
    await errand.clock.advance(1);
    const { completed, nextAt } = await errand.worker().drain();
    equal([completed, nextAt], [1, at]);
    like(await errand.get(id), { state: "completed" });
    like(await errand.get(later.id), { state: "scheduled", runAt: at });
  },

  "due times go by the database's clock where no other is given": async (place) => {
    await using errand = await openLive(place, { tasks: [work] });
    const job = await errand.enqueue(work, 1, { delay: 50 });
    holds(Math.abs(job.createdAt.getTime() - Date.now()) < 60_000, "a time near this one");
    like(await errand.worker().drain({ scheduled: true, deadline: "30s" }), { completed: 1 });
    const { startedAt, runAt } = (await errand.get(job.id))!;
    holds(startedAt!.getTime() >= runAt.getTime(), "no start before the due time");
  },

  "higher priorities run first, and of one priority what was due first": async (place) => {
    const ran: unknown[] = [];
    const task = defineTask({ name: "task", run: ({ input }) => void ran.push(input) });
    await using errand = await open(place, { tasks: [task] });
    await errand.enqueue(task, "third", { delay: 2 });
    await errand.enqueue(task, "last", { priority: -1 });
    await errand.enqueue(task, "second", { delay: 1 });
    await errand.enqueue(task, "first", { priority: 9, delay: 3 });
    await errand.clock.advance(3);
    await errand.worker({ concurrency: 1 }).drain();
    equal(ran, ["first", "second", "third", "last"]);
  },

  "a unique job is there once, and the others are told which it is": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const unique = { key: "k" };
    const first = await errand.enqueue(work, 1, { unique });
    const rest = await Promise.all([2, 3, 4].map((n) => errand.enqueue(work, n, { unique })));
    for (const each of rest) like(each, { id: first.id, payload: 1, enqueued: "duplicate" });
    like(await errand.stats(), { available: 1 });
    await errand.worker().drain();
    like(await errand.enqueue(work, 5, { unique }), { payload: 5, enqueued: "inserted" });
  },

  "a window keeps others away after the end, for its time": async (place) => {
    await using errand = await open(place, { tasks: [work] });
    const unique = { key: "k", window: "1h" } as const;
    const { id } = await errand.enqueue(work, 1, { unique });
    await errand.worker().drain();
    like(await errand.enqueue(work, 2, { unique }), { id, enqueued: "duplicate" });
    await errand.clock.advance("1h");
    like(await errand.enqueue(work, 3, { unique }), { enqueued: "inserted" });
  },

  "a waiting unique job takes the new payload or the new time": async (place) => {
    await using errand = await open(place);
    const replace = { key: "a", onConflict: "replace" } as const;
    const { id } = await errand.enqueue("work", 1, { unique: replace });
    like(await errand.enqueue("work", 2, { unique: replace }), { id, payload: 2 });
    const debounce = { key: "b", scope: "waiting", onConflict: "reschedule" } as const;
    const late = await errand.enqueue("work", 1, { delay: "10s", unique: debounce });
    await errand.clock.advance("5s");
    const later = await errand.enqueue("work", 2, { delay: "10s", unique: debounce });
    like(later, { id: late.id, payload: 1, runAt: new Date(errand.clock.now() + 10_000) });
  },
};
