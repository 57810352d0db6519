import process from "node:process";
import { expect, it } from "vitest";
import { Errand, type Job, type Stats } from "../mod.ts";
import type { Runtime } from "../scripts/runtimes.ts";
import { crewUrl, startCrew } from "./support/crew.ts";
import { needRuntimes } from "./support/need.ts";
import { seeded } from "./support/random.ts";
import { spawnTs, type TsProcess } from "./support/spawn.ts";
import { tempDir } from "./support/temp.ts";
import { brokenRecord, brokenRuns } from "./torture/log.ts";

const JOBS = 5_000;
/** So long no process of a busy machine stands still. */
const LEASE_MS = 5_000;
const WORKERS: readonly Runtime[] = ["node", "bun", "deno", "node"];
const WAIT = { timeout: 60_000, interval: 20 };

const has = needRuntimes("node", "bun", "deno");

it.runIf(has)(
  "four processes, two of them killed, complete 5,000 jobs, and store each one once",
  { timeout: 120_000 },
  async () => {
    const seed = Number(process.env.TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 32));
    console.log(`to repeat it: TORTURE_SEED=${seed}`);
    const random = seeded(seed);
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: crewUrl(dir) });
    const payloads = Array.from({ length: 3_000 }, (_, n) => ({ failsFirst: n % 25 === 0 }));
    const accepted = await errand.enqueueMany(
      payloads.map((payload) => ({ task: "mark", payload })),
    );

    await using crew = await startCrew(dir, WORKERS, LEASE_MS);
    const env = { TORTURE_URL: crewUrl(dir), TORTURE_JOBS: "900" };
    await using steady = await spawnTs("bun", "test/torture/enqueuer.ts", env);
    await using doomed = await spawnTs("deno", "test/torture/enqueuer.ts", env);
    const all = acknowledged(steady);
    const some = acknowledged(doomed);

    // the victims, and how much work is done when each of them dies
    const victims = shuffled(crew.all, random).slice(0, 2);
    const killed = new Map<number, number>();
    await expect.poll(() => some.ids.length, WAIT).toBeGreaterThan(random() * 400);
    await doomed.kill();
    for (const [index, victim] of victims.entries()) {
      const done = JOBS * (0.1 + index * 0.25 + random() * 0.2);
      await expect.poll(async () => (await errand.stats()).completed, WAIT).toBeGreaterThan(done);
      killed.set(victim.pid, Date.now());
      await victim.kill();
    }

    await Promise.all([all.ended, some.ended]);
    const missing = JOBS - total(await errand.stats());
    await errand.enqueueMany(
      Array.from({ length: missing }, () => ({ task: "mark", payload: {} })),
    );
    await expect.poll(async () => (await errand.stats()).completed, WAIT).toBe(JOBS);
    const survivors = crew.all.filter((worker) => !victims.includes(worker));
    await Promise.all(survivors.map((worker) => crew.stop(worker)));

    const stats = await errand.stats();
    expect([stats.completed, total(stats)]).toEqual([JOBS, JOBS]);
    const jobs = await allJobs(errand);
    const lost = [...accepted.map(({ id }) => id), ...all.ids, ...some.ids]
      .filter((id) => !jobs.has(id));
    expect(lost).toEqual([]);
    expect(all.ids).toHaveLength(900);
    const runs = await crew.log();
    expect([...runs.keys()].filter((id) => !jobs.has(id))).toEqual([]);
    const broken = [...jobs.values()].flatMap((job) => {
      const entries = runs.get(job.id) ?? [];
      return [...brokenRuns(entries, killed), ...brokenRecord(job, entries, killed)];
    });
    expect(broken).toEqual([]);
    const rescued = [...jobs.values()].flatMap(({ errors }) => errors)
      .filter(({ code }) => code === "LEASE_EXPIRED");
    expect(rescued.length, "what two victims held: 8 that ran and 8 more").toBeLessThanOrEqual(32);
    expect(rescued.length, "the victims died at work").toBeGreaterThan(0);
  },
);

/** The ids that an enqueuer prints, as they come, until its end. */
function acknowledged(enqueuer: TsProcess): {
  readonly ids: readonly string[];
  readonly ended: Promise<void>;
} {
  const ids: string[] = [];
  const read = async (): Promise<void> => {
    for (;;) ids.push(await enqueuer.nextLine());
  };
  return { ids, ended: read().catch(() => {}) };
}

function total({ queues: _, nextRunAt: __, ...states }: Stats): number {
  return Object.values(states).reduce((sum, n) => sum + n, 0);
}

async function allJobs(errand: Errand): Promise<Map<string, Job>> {
  const jobs = new Map<string, Job>();
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await errand.list({ limit: 1_000, ...(cursor !== undefined && { cursor }) });
    for (const job of page.jobs) jobs.set(job.id, job);
    cursor = page.cursor;
  }
  return jobs;
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
