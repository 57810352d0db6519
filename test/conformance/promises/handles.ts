// What several Errands on one database promise each other. The one that asks may see what another
// has written a moment late, on a replica: so these wait for it.
import { defineTask, type Job } from "../../../mod.ts";
import { FakeClock, type TestErrand } from "../../../src/testing/mod.ts";
import { equal, eventually, like } from "../assert.ts";
import { open, type Place, type Promises } from "../place.ts";

const quick = defineTask({ name: "quick", run: ({ input }) => ({ got: input }) });

const there = (errand: TestErrand, id: string, state: Job["state"]) =>
  eventually(async () => {
    const job = await errand.get(id);
    return job?.state === state && job;
  });

/** A job whose first attempt goes on in one Errand while the lease ends for another. */
async function overtaken(place: Place, options: { onLeaseExpired?: "fail" } = {}) {
  const task = defineTask<{ n: number }, unknown, number>({
    ...{ name: "task", timeout: "1d", ...options },
    run: async ({ job }) => {
      if (job.attempt > 1) return job.attempt;
      await using rescuer = await open(place, {
        tasks: [task],
        clock: new FakeClock(errand.clock.now() + 60_000),
      });
      rescuer.on("rescued", ({ willRetry }) => events.push(`rescued ${willRetry}`));
      await eventually(async () => {
        await rescuer.worker().drain();
        return (await rescuer.get(job.id))?.state !== "running";
      });
      return job.attempt;
    },
  });
  const events: string[] = [];
  await using errand = await open(place, { tasks: [task] });
  errand.on("lost", ({ reason }) => events.push(reason));
  const { id } = await errand.enqueue(task, { n: 1 });
  // with no slot for it, as by this clock a new lease would expire at once by the rescuer's
  const summary = await errand.worker({ lease: "30s", concurrency: 1 }).drain();
  return { job: await errand.get(id), summary, events };
}

export const sharing: Promises = {
  "no job is run by two of them": async (place) => {
    const ran: unknown[] = [];
    const task = defineTask({ name: "task", run: ({ input }) => void ran.push(input) });
    await using a = await open(place, { tasks: [task] });
    await using b = await open(place, { tasks: [task], clock: a.clock });
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    await a.enqueueMany(task, numbers);
    await eventually(async () => (await b.stats()).available === 200);
    const drains = [a, b, a, b].map((each) => each.worker({ concurrency: 10 }).drain());
    const counts = await Promise.all(drains);
    equal(counts.reduce((sum, { completed }) => sum + completed, 0), 200);
    equal(ran.sort((x, y) => Number(x) - Number(y)), numbers);
  },

  "one waits for the end that another brings about": async (place) => {
    await using a = await open(place);
    await using b = await open(place, { tasks: [quick], clock: a.clock });
    const { id } = await a.enqueue("quick", 7);
    const ended = a.wait(id);
    await eventually(async () => (await b.worker().drain()).completed === 1);
    let job: Job | undefined;
    void ended.then((found) => job = found);
    await eventually(async () => {
      await a.clock.advance("2s"); // how often it looks, at the latest
      return job !== undefined;
    });
    like(job, { id, state: "completed", result: { got: 7 } });
  },

  "an expired lease is taken back, and the late outcome counts for nothing": async (place) => {
    const { job, summary, events } = await overtaken(place);
    like(job, { state: "completed", attempt: 2, result: 2, errors: [{ code: "LEASE_EXPIRED" }] });
    like(summary, { lost: 1 }); // who runs it again, is open
    equal(events, ["rescued true", "LEASE_LOST"]);
  },

  "a task may say that an expired lease fails its job": async (place) => {
    const { job, events } = await overtaken(place, { onLeaseExpired: "fail" });
    like(job, { state: "failed", attempt: 1, result: undefined, error: { code: "LEASE_EXPIRED" } });
    equal(events, ["rescued false", "LEASE_LOST"]);
  },

  "a cancel by one aborts what runs in another with the next heartbeat": async (place) => {
    const task = defineTask({
      name: "task",
      timeout: "1d",
      run: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
    });
    const lost: string[] = [];
    await using a = await open(place, { tasks: [task] });
    await using b = await open(place, { clock: a.clock });
    a.on("lost", ({ reason }) => lost.push(reason));
    const { id } = await a.enqueue(task);
    await using worker = a.worker({ lease: "30s" });
    await worker.start();
    await there(b, id, "running");
    await b.cancel(id);
    await eventually(async () => {
      await a.clock.advance("10s");
      return lost.length > 0;
    });
    equal(lost, ["CANCELLED"]);
    like(await there(a, id, "cancelled"), { result: undefined });
  },

  "a unique job is added by one of those that add it at the same time": async (place) => {
    const errands = await Promise.all([1, 2, 3].map(() => open(place)));
    const jobs = await Promise.all(
      errands.map((errand, n) => errand.enqueue("quick", n, { unique: { key: "k" } })),
    );
    equal(jobs.map(({ enqueued }) => enqueued).sort(), ["duplicate", "duplicate", "inserted"]);
    equal(new Set(jobs.map(({ id }) => id)).size, 1);
    await Promise.all(errands.map((errand) => errand.close()));
  },

  "a pause holds for all of them": async (place) => {
    await using a = await open(place);
    await using b = await open(place, { tasks: [quick] });
    await a.queues.pause("default");
    const { id } = await a.enqueue("quick");
    await there(b, id, "available");
    like(await b.worker().drain(), { completed: 0 });
    await a.queues.resume("default");
    await eventually(async () => (await b.worker().drain()).completed === 1);
  },

  "each occurrence of a schedule is enqueued once, whoever looks": async (place) => {
    const tick = defineTask({ name: "tick", run: () => {} });
    await using a = await open(place, { tasks: [tick] });
    const errands = [a, ...await Promise.all([1, 2].map(() => open(place, { tasks: [tick] })))];
    await a.schedules.upsert("tick", { task: tick, every: "1m", catchUp: "all", maxRuns: 20 });
    for (const { clock } of errands) await clock.advance("1h");
    await eventually(async () => {
      await Promise.all(errands.map((errand) => errand.worker().drain()));
      return (await a.stats()).completed === 20;
    });
    const { jobs } = await a.list({ limit: 100, order: "oldest" });
    const at = jobs.map(({ schedule }) => schedule!.at.getTime()).sort((x, y) => x - y);
    equal(at.map((ms) => (ms - at[0]!) / 60_000), Array.from({ length: 20 }, (_, n) => n));
    await Promise.all(errands.map((errand) => errand.close()));
  },

  "opening it from several places at the same time is safe": async (place) => {
    const errands = await Promise.all(Array.from({ length: 4 }, () => open(place)));
    const jobs = await Promise.all(errands.map((errand, n) => errand.enqueue("quick", n)));
    for (const { id } of jobs) await there(errands[0]!, id, "available");
    await Promise.all(errands.map((errand) => errand.close()));
  },
};
