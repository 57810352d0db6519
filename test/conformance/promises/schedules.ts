// Series of jobs come when they should.
import { defineTask } from "../../../mod.ts";
import { equal, like, refused } from "../assert.ts";
import { open, type Place, type Promises } from "../place.ts";

const MINUTE_MS = 60_000;
const tick = defineTask({ name: "tick", run: () => {} });
const start = (place: Place) => open(place, { tasks: [tick] });

type Started = Awaited<ReturnType<typeof start>>;

/** The nominal times of all jobs there are, in their order. */
async function occurrences(errand: Started): Promise<number[]> {
  const { jobs } = await errand.list({ limit: 100 });
  return jobs.map(({ schedule }) => schedule!.at.getTime()).sort((a, b) => a - b);
}

export const scheduling: Promises = {
  "each occurrence is enqueued at its time": async (place) => {
    await using errand = await start(place);
    const { nextRunAt } = await errand.schedules.upsert("s", { task: tick, every: "15m" });
    await errand.worker().drain();
    const first = await occurrences(errand);
    await errand.clock.advance("15m");
    like(await errand.worker().drain(), { completed: 1 });
    equal((await occurrences(errand)).length, first.length + 1);
    like(await errand.schedules.upsert("s", { task: tick, every: "15m" }), { name: "s" });
    equal(nextRunAt !== undefined, true);
  },

  "what was missed is made up as the schedule says": async (place) => {
    await using errand = await start(place);
    const every = { task: tick, every: "1m", startAt: errand.clock.now() + MINUTE_MS } as const;
    await errand.schedules.upsert("all", { ...every, queue: "all", catchUp: "all", maxRuns: 5 });
    await errand.schedules.upsert("latest", { ...every, queue: "latest" });
    await errand.schedules.upsert("none", { ...every, queue: "none", catchUp: "none" });
    await errand.clock.advance("10m");
    await errand.clock.advance(30_000);
    await errand.worker().drain();
    const count = async (queue: string) => (await errand.list({ queue })).jobs.length;
    equal([await count("all"), await count("latest")], [5, 1]);
    like(await errand.schedules.get("all"), { state: "ended" });
  },

  "cron goes by the clocks of its time zone": async (place) => {
    await using errand = await start(place);
    await errand.schedules.upsert("s", {
      ...{ task: tick, cron: "0 9 * * *", timeZone: "Europe/Berlin", catchUp: "all" },
    });
    await errand.clock.advance("2d");
    await errand.worker().drain();
    const at = await occurrences(errand);
    equal(at.map((ms) => new Date(ms).toISOString()), [
      "2030-01-01T08:00:00.000Z",
      "2030-01-02T08:00:00.000Z",
    ]);
  },

  "a paused one makes nothing up, and one that is removed ends": async (place) => {
    await using errand = await start(place);
    await errand.schedules.upsert("s", { task: tick, every: "1m", catchUp: "all" });
    await errand.worker().drain();
    const before = await occurrences(errand);
    await errand.schedules.pause("s");
    await errand.clock.advance("10m");
    await errand.worker().drain();
    await errand.schedules.resume("s");
    await errand.worker().drain();
    const after = await occurrences(errand);
    holdsAtMost(after.length - before.length, 1);
    like(await errand.schedules.runNow("s"), { state: "available", task: "tick" });
    like(await errand.schedules.remove("s"), { name: "s" });
    await refused(() => errand.schedules.runNow("s"), "NOT_FOUND");
    equal(await errand.schedules.list(), { schedules: [] });
  },

  "an occurrence is left out while the job before it has not ended": async (place) => {
    await using errand = await start(place);
    const startAt = errand.clock.now() + MINUTE_MS;
    await errand.schedules.upsert("s", { task: tick, every: "1m", startAt, overlap: "skip" });
    await errand.queues.pause("default");
    for (let n = 0; n < 3; n++) {
      await errand.clock.advance("1m");
      await errand.worker().drain();
    }
    equal(await occurrences(errand), [startAt]);
  },
};

function holdsAtMost(actual: number, most: number): void {
  equal(Math.min(actual, most), actual);
}
