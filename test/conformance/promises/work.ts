// Jobs are run as their tasks say, each attempt to one outcome.
import { defineTask } from "../../../mod.ts";
import { equal, eventually, like, refused } from "../assert.ts";
import { open, type Promises } from "../place.ts";

const hang = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));

const hanging = defineTask({
  name: "hanging",
  timeout: "30s",
  run: ({ signal }) => hang(signal),
});
const quick = defineTask({ name: "quick", run: () => 42 });

export const working: Promises = {
  "a job that completes has its result, and does not run again": async (place) => {
    let runs = 0;
    const task = defineTask({ name: "task", run: () => ({ runs: ++runs }) });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task);
    like(await errand.worker().drain(), { completed: 1, ended: "empty" });
    like(await errand.worker().drain(), { completed: 0 });
    like(await errand.get(id), { state: "completed", attempt: 1, result: { runs: 1 }, errors: [] });
  },

  "workers of one Errand share jobs without running one twice": async (place) => {
    const ran: unknown[] = [];
    const task = defineTask({ name: "task", run: ({ input }) => void ran.push(input) });
    await using errand = await open(place, { tasks: [task] });
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    await errand.enqueueMany(task, numbers);
    const workers = [1, 2, 3].map(() => errand.worker({ concurrency: 5 }).drain());
    const counts = await Promise.all(workers);
    equal(counts.reduce((sum, { completed }) => sum + completed, 0), 200);
    equal(ran.sort((a, b) => Number(a) - Number(b)), numbers);
  },

  "a worker takes jobs of its queues only, and no more at once than it may": async (place) => {
    let most = 0;
    let now = 0;
    const task = defineTask({
      name: "task",
      run: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now--;
      },
    });
    await using errand = await open(place, { tasks: [task] });
    await errand.enqueueMany(task, Array.from({ length: 20 }), { queue: "mine" });
    const other = await errand.enqueue(task, 0, { queue: "other" });
    like(await errand.worker({ queues: { mine: 3 } }).drain(), { completed: 20 });
    equal(most, 3);
    like(await errand.get(other.id), { state: "available" });
  },

  "a failed attempt is followed by others, each after a longer wait": async (place) => {
    const task = defineTask({
      name: "task",
      retry: { maxAttempts: 3, delay: "1s", backoff: "exponential", jitter: 0 },
      run: ({ job }) => {
        throw new Error(`no ${job.attempt}`);
      },
    });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task);
    for (const [attempt, waitMs] of [[1, 1_000], [2, 2_000]] as const) {
      like(await errand.worker().drain(), { retried: 1 });
      const job = (await errand.get(id))!;
      like(job, { state: "scheduled", attempt });
      equal(job.runAt.getTime(), errand.clock.now() + waitMs);
      await errand.clock.advance(waitMs);
    }
    like(await errand.worker().drain(), { failed: 1, retried: 0 });
    const job = (await errand.get(id))!;
    like(job, { state: "failed", attempt: 3, error: { code: "HANDLER", message: "no 3" } });
    equal(job.errors.map(({ message }) => message), ["no 1", "no 2", "no 3"]);
  },

  "a snoozed job runs later, with all its attempts": async (place) => {
    let snoozes = 2;
    const task = defineTask({
      name: "task",
      retry: { maxAttempts: 1 },
      run: ({ job, snooze }) => snoozes-- > 0 ? snooze("5m") : job.attempt,
    });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task);
    for (let n = 0; n < 2; n++) {
      like(await errand.worker().drain(), { snoozed: 1 });
      like(await errand.get(id), { state: "scheduled", attempt: 0 });
      await errand.clock.advance("5m");
    }
    await errand.worker().drain();
    like(await errand.get(id), { state: "completed", result: 1 });
  },

  "an attempt that lasts too long is aborted, and fails": async (place) => {
    let begun = false; // the database knows of the claim before its worker does
    const task = defineTask({
      ...{ name: "task", timeout: "10s", retry: { maxAttempts: 1 } },
      run: ({ signal }) => hang(signal),
    });
    await using errand = await open(place, { tasks: [task] });
    errand.on("started", () => begun = true);
    const { id } = await errand.enqueue(task);
    const drained = errand.worker().drain();
    await eventually(() => Promise.resolve(begun));
    await errand.clock.advance("10s");
    like(await drained, { failed: 1 });
    like(await errand.get(id), { state: "failed", error: { code: "TIMEOUT" } });
  },

  "what runs when its worker stops goes back, with all its attempts": async (place) => {
    await using errand = await open(place, { tasks: [hanging] });
    const jobs = await errand.enqueueMany(hanging, [1, 2, 3]);
    const worker = errand.worker({ concurrency: 2 });
    await worker.start();
    await worker.stop({ grace: 0 });
    for (const { id } of jobs) like(await errand.get(id), { state: "available", attempt: 0 });
  },

  "a job of an unknown task goes back, and says why": async (place) => {
    await using errand = await open(place);
    const { id } = await errand.enqueue("unknown");
    errand.register(quick);
    like(await errand.worker().drain(), { released: 1 });
    const job = (await errand.get(id))!;
    like(job, { state: "scheduled", attempt: 0, errors: [{ code: "NO_HANDLER" }] });
  },

  "logs, progress and updates are kept with the job": async (place) => {
    const task = defineTask({
      name: "task",
      run: async ({ log, progress, update }) => {
        log("one");
        progress({ percent: 50 });
        await update({ step: 1 });
        log("two");
      },
    });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task, { step: 0, name: "x" });
    await errand.worker().drain();
    like(await errand.get(id), { payload: { step: 1, name: "x" }, progress: { percent: 50 } });
    const lines = await errand.logs(id);
    equal(lines.map(({ message, attempt }) => [message, attempt]), [["one", 1], ["two", 1]]);
  },

  "heartbeats keep the lease of an attempt that outlasts it, and save reports": async (place) => {
    let report: ((value: unknown) => void) | undefined;
    const task = defineTask({
      name: "task",
      run: ({ progress, signal }) => {
        report = progress;
        return hang(signal);
      },
    });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task);
    await using worker = errand.worker({ lease: "30s" });
    await worker.start();
    for (let beat = 1; beat <= 8; beat++) {
      report!(beat);
      await errand.clock.advance("10s");
      await eventually(async () => (await errand.get(id))?.progress === beat);
    }
    like(await errand.get(id), { state: "running", attempt: 1, errors: [] });
  },

  "cancelling aborts what runs, and its outcome changes nothing": async (place) => {
    const events: string[] = [];
    await using errand = await open(place, { tasks: [hanging] });
    errand.on("lost", ({ reason }) => events.push(reason));
    const { id } = await errand.enqueue(hanging);
    let begun = false;
    errand.on("started", () => begun = true);
    const drained = errand.worker().drain();
    await eventually(() => Promise.resolve(begun));
    like(await errand.cancel(id), { state: "cancelled" });
    like(await drained, { completed: 0, lost: 1 });
    like(await errand.get(id), { state: "cancelled", result: undefined });
    like(await errand.cancel(id), { state: "cancelled" });
    equal(events, ["CANCELLED"]);
  },

  "each state allows what it should, and refuses the rest": async (place) => {
    await using errand = await open(place, { tasks: [hanging, quick] });
    const done = await errand.enqueue(quick);
    await errand.worker().drain();
    const delayed = await errand.enqueue(quick, undefined, { delay: "1h" });
    const { id } = await errand.enqueue(hanging);
    await using worker = errand.worker();
    await worker.start();
    await refused(() => errand.cancel(done.id), "CONFLICT");
    await refused(() => errand.retry(delayed.id), "CONFLICT");
    await refused(() => errand.retry(id), "CONFLICT");
    await refused(() => errand.remove(id), "CONFLICT");
    for (const verb of ["cancel", "retry", "remove", "wait"] as const) {
      await refused(() => errand[verb]("no such job"), "NOT_FOUND");
    }
    like(await errand.remove(delayed.id), { id: delayed.id, state: "scheduled" });
    equal(await errand.get(delayed.id), undefined);
    like(await errand.retry(done.id, { delay: "1h" }), { state: "scheduled", attempt: 0 });
    like(await errand.stats(), { completed: 0, scheduled: 1, running: 1 });
  },

  "a paused queue is not worked on until it is resumed": async (place) => {
    await using errand = await open(place, { tasks: [quick] });
    await errand.enqueue(quick);
    await errand.queues.pause("default");
    like(await errand.worker().drain(), { completed: 0, remaining: { available: 1 } });
    like((await errand.stats()).queues.default, { paused: true, available: 1 });
    await errand.queues.resume("default");
    like(await errand.worker().drain(), { completed: 1 });
  },

  "a drain keeps to its bounds, and says what remains": async (place) => {
    await using errand = await open(place, { tasks: [quick, hanging] });
    await errand.enqueueMany(quick, Array.from({ length: 5 }));
    const first = await errand.worker().drain({ maxJobs: 2 });
    like(first, { completed: 2, ended: "max-jobs", remaining: { available: 3 } });
    equal(first.nextAt, new Date(errand.clock.now()));
    await errand.enqueue(hanging);
    const drained = errand.worker().drain({ deadline: "20s" });
    await eventually(async () => (await errand.stats()).running === 1);
    await errand.clock.advance("20s");
    like(await drained, { completed: 3, released: 1, ended: "deadline" });
    const signal = AbortSignal.abort();
    like(await errand.worker().drain({ signal }), {
      ended: "aborted",
      remaining: { available: 1 },
    });
  },

  "counts are told by state and queue": async (place) => {
    await using errand = await open(place, { tasks: [quick] });
    await errand.enqueueMany(quick, [1, 2, 3] as never[]);
    await errand.worker().drain();
    const { id } = await errand.enqueue(quick, undefined, { queue: "b" });
    await errand.cancel(id);
    const later = await errand.enqueue(quick, undefined, { queue: "b", delay: "1h" });
    const { queues, nextRunAt, ...all } = await errand.stats();
    like(all, { available: 0, scheduled: 1, running: 0, completed: 3, failed: 0, cancelled: 1 });
    like(queues.default, { completed: 3, scheduled: 0 });
    like(queues.b, { cancelled: 1, scheduled: 1, paused: false });
    equal(nextRunAt, later.runAt);
  },

  "an ended job stays for its retention, and then goes": async (place) => {
    await using errand = await open(place, { tasks: [quick] });
    const none = await errand.enqueue(quick, undefined, { retention: 0 });
    const day = await errand.enqueue(quick, undefined, { retention: "1d" });
    const kept = await errand.enqueue(quick, undefined, { retention: "forever" });
    await errand.worker().drain();
    equal(await errand.get(none.id), undefined);
    like(await errand.get(day.id), { state: "completed" });
    await errand.clock.advance("1d");
    await errand.worker().drain();
    equal(await errand.get(day.id), undefined);
    like(await errand.get(kept.id), { state: "completed" });
    like(await errand.stats(), { completed: 1 });
  },
};
