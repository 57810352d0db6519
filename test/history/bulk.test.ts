import { describe, expect, it } from "vitest";
import {
  type BulkFilter,
  type BulkOptions,
  type BulkResult,
  defineTask,
  type Errand,
  type ErrandEvents,
} from "../../mod.ts";
import { counted, errandAt, states } from "../support/place.ts";
import { places } from "../support/store.ts";

const work = defineTask({
  name: "work",
  retry: { maxAttempts: 1 },
  run: ({ input, log }) => {
    log("line");
    if (input === "fails") throw new Error("no");
  },
});

const verbs = ["purge", "cancelMany", "retryMany", "removeMany"] as const;
type Verb = (typeof verbs)[number];

/** Sixty jobs: of two queues, in every state but running. */
async function fill(errand: Errand): Promise<void> {
  const queueOf = (i: number): string => i % 3 === 0 ? "third" : "default";
  const make = (payload: string, delay = 0) =>
    errand.enqueueMany(
      Array.from({ length: 12 }, (_, i) => ({ task: work, payload, delay, queue: queueOf(i) })),
    );
  const cancelled = await make("completes", 1_000);
  for (const { id } of cancelled) await errand.cancel(id);
  await make("completes");
  await make("fails");
  await errand.worker({ queues: ["default", "third"] }).drain();
  await make("waits");
  await make("later", 3_600_000);
}

/** Calls a verb until nothing is left. */
async function all(
  errand: Errand,
  verb: Verb,
  filter: BulkFilter,
  options: BulkOptions,
): Promise<number[]> {
  const counts: number[] = [];
  let result: BulkResult = { count: 0 };
  do {
    const { cursor } = result;
    result = await errand[verb](filter, { ...options, ...(cursor !== undefined && { cursor }) });
    counts.push(result.count);
  } while (result.cursor !== undefined);
  return counts;
}

const sum = (counts: readonly number[]): number => counts.reduce((total, n) => total + n, 0);

const cases: readonly (readonly [Verb, BulkFilter, number])[] = [
  ["purge", { all: true }, 36],
  ["purge", { state: "failed" }, 12],
  ["purge", { state: ["failed", "completed"], queue: "third" }, 8],
  ["cancelMany", { all: true }, 24],
  ["cancelMany", { state: "scheduled", task: "work" }, 12],
  ["retryMany", { all: true }, 12],
  ["retryMany", { state: ["cancelled", "failed"], queue: "default" }, 16],
  ["removeMany", { all: true }, 60],
  ["removeMany", { queue: "third" }, 20],
  ["removeMany", { queue: "none" }, 0],
];

describe.each(places)("in a store at %s", (place) => {
  it.each(cases)(
    "A12: %s of %j changes as many jobs as its dry run counts, and the tally stays exact",
    async (verb, filter, wanted) => {
      await using placed = await errandAt(place, { tasks: [work] });
      const { errand } = placed;
      await fill(errand);
      const before = await counted(errand);
      expect(states(await errand.stats())).toEqual(before);
      expect(await errand[verb](filter, { dryRun: true })).toEqual({ count: wanted });
      expect(await counted(errand)).toEqual(before);
      expect(await errand[verb](filter)).toEqual({ count: wanted });
      expect(states(await errand.stats())).toEqual(await counted(errand));
      expect(await errand[verb](filter, { dryRun: true })).toEqual({ count: 0 });
    },
  );

  it.each(verbs)("%s goes on from its cursor, also in a dry run", async (verb) => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    await fill(errand);
    const dry = await all(errand, verb, { all: true }, { dryRun: true, limit: 5 });
    const wet = await all(errand, verb, { all: true }, { limit: 5 });
    expect(wet).toEqual(dry);
    expect(dry.slice(0, -1).every((count) => count === 5)).toBe(true);
    expect((await errand[verb]({ all: true })).count).toBe(0);
    expect(states(await errand.stats())).toEqual(await counted(errand));
  });

  it("what was interrupted is done by the same call again, without its cursor", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    await fill(errand);
    const { count } = await errand.purge({ all: true }, { limit: 7 });
    expect(count).toBe(7);
    expect(await errand.purge({ all: true })).toEqual({ count: 29 });
  });

  it("a purge during which jobs are enqueued takes the ended ones and no other", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    await fill(errand);
    const fresh: Promise<unknown>[] = [];
    errand.on("bulk", () => void fresh.push(errand.enqueue(work, "fresh")));
    const counts = await all(errand, "purge", { all: true }, { limit: 4 });
    await Promise.all(fresh);
    expect(sum(counts)).toBe(36);
    expect(fresh).toHaveLength(9);
    expect(await counted(errand)).toMatchObject({ available: 12 + 9, scheduled: 12, failed: 0 });
    expect(states(await errand.stats())).toEqual(await counted(errand));
  });

  it("A18: cancelMany aborts what runs here at once", async () => {
    const begun: string[] = [];
    const ended: unknown[] = [];
    const wait = defineTask({
      name: "wait",
      run: ({ signal, job }) => {
        begun.push(job.id);
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            ended.push(signal.reason.reason);
            reject(signal.reason);
          });
        });
      },
    });
    await using placed = await errandAt(place, { tasks: [wait, work] });
    const { errand } = placed;
    await errand.enqueueMany(wait, [1, 2, 3]);
    await using worker = errand.worker({ queues: { default: 3 } });
    await worker.start();
    for (let i = 0; i < 100 && begun.length < 3; i++) await errand.clock.advance(1);
    expect(begun).toHaveLength(3);
    expect(await errand.cancelMany({ task: "wait" })).toEqual({ count: 3 });
    expect(ended).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(await counted(errand)).toMatchObject({ running: 0, cancelled: 3 });
    expect(states(await errand.stats())).toEqual(await counted(errand));
  });

  it("each batch of 500 jobs is one event that names them", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    const jobs = await errand.enqueueMany(work, Array.from({ length: 1_100 }, () => "many"));
    const heard: ErrandEvents["bulk"][] = [];
    errand.on("bulk", (event) => void heard.push(event));
    expect(await errand.cancelMany({ state: "available" }, { limit: 1_050 })).toEqual({
      count: 1_050,
      cursor: jobs[1_049]!.id,
    });
    expect(heard.map(({ verb, count }) => [verb, count])).toEqual([
      ["cancel", 500],
      ["cancel", 500],
      ["cancel", 50],
    ]);
    expect(heard.flatMap((event) => event.jobs)).toEqual(
      jobs.slice(0, 1_050).map(({ id, task, queue }) => ({ id, task, queue })),
    );
  });

  it("cancelMany keeps a job as long as its retention says, and 0 not at all", async () => {
    const brief = defineTask({ name: "brief", retention: 0, run: () => {} });
    await using placed = await errandAt(place, { tasks: [work, brief] });
    const { errand } = placed;
    await errand.enqueueMany(brief, [1, 2]);
    await errand.enqueue(brief, 3, { retention: "1h" });
    await errand.enqueue(work);
    expect(await errand.cancelMany({ all: true })).toEqual({ count: 4 });
    const left = async () => (await errand.list({ order: "oldest" })).jobs.map(({ task }) => task);
    expect(await left()).toEqual(["brief", "work"]);
    expect(states(await errand.stats())).toEqual(await counted(errand));
    await errand.clock.advance("1h");
    await errand.worker().drain();
    expect(await left()).toEqual(["work"]);
  });

  it("retryMany gives failed jobs all their attempts again, and workers take them", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    await errand.enqueueMany(work, ["fails", "fails"]);
    await errand.worker().drain();
    expect(await errand.retryMany({ task: "work" })).toEqual({ count: 2 });
    const { jobs } = await errand.list();
    expect(jobs.map(({ state, attempt, endedAt }) => [state, attempt, endedAt]))
      .toEqual([["available", 0, undefined], ["available", 0, undefined]]);
    expect(await errand.worker().drain()).toMatchObject({ failed: 2 });
  });

  it("A12: retryMany puts jobs off by a delay, or until an instant", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    await errand.enqueueMany(work, ["fails", "fails"], { queue: "a" });
    await errand.enqueueMany(work, ["fails"], { queue: "b" });
    await errand.worker({ queues: ["a", "b"] }).drain();
    const now = errand.clock.now();
    expect(await errand.retryMany({ queue: "a" }, { delay: "1h" })).toEqual({ count: 2 });
    expect(await errand.retryMany({ queue: "b" }, { runAt: now + 5 })).toEqual({ count: 1 });
    const { jobs } = await errand.list({ state: "scheduled", order: "oldest" });
    expect(jobs.map(({ runAt, attempt }) => [runAt.getTime() - now, attempt]))
      .toEqual([[3_600_000, 0], [3_600_000, 0], [5, 0]]);
    expect(states(await errand.stats())).toEqual(await counted(errand));
    await errand.clock.advance("1h");
    const worker = errand.worker({ queues: ["a", "b"] });
    expect(await worker.drain()).toMatchObject({ failed: 3, remaining: { scheduled: 0 } });
  });

  it("removal takes the logs of its jobs along, and of no other job", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    const [gone, kept] = await errand.enqueueMany(work, ["fails", "completes"]);
    await errand.worker().drain();
    await errand.purge({ state: "failed" });
    expect(await errand.logs(gone!.id)).toEqual([]);
    expect(await errand.logs(kept!.id)).toHaveLength(1);
  });

  it("a waiter hears at once of a job that cancelMany ends", async () => {
    await using placed = await errandAt(place, { tasks: [work] });
    const { errand } = placed;
    const { id } = await errand.enqueue(work);
    const waiting = errand.wait(id);
    await errand.cancelMany({ queue: "default" });
    expect((await waiting).state).toBe("cancelled");
  });

  it("retryMany makes jobs of one unique key live again, and one of them holds it", async () => {
    const only = defineTask({
      ...{ name: "only", unique: true, retry: { maxAttempts: 1 } },
      run: () => Promise.reject(new Error("no")),
    });
    await using placed = await errandAt(place, { tasks: [only] });
    const { errand } = placed;
    for (let i = 0; i < 3; i++) {
      await errand.enqueue(only, "same");
      await errand.worker().drain();
    }
    expect(await errand.retryMany({ task: "only" })).toEqual({ count: 3 });
    expect(await counted(errand)).toMatchObject({ available: 3 });
    expect((await errand.enqueue(only, "same")).enqueued).toBe("duplicate");
    expect(states(await errand.stats())).toEqual(await counted(errand));
  });
});
