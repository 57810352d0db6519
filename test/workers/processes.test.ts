// A18, A19: workers of other processes, seen and ended from here.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { spawnTs } from "../support/spawn.ts";
import { tempDir } from "../support/temp.ts";

const hang = defineTask({ name: "hang", run: () => {} });
const LONG_MS = 60_000;

/** A worker in a process of its own, and an Errand on its file. */
async function child(leaseMs: number) {
  const dir = await tempDir();
  const url = `file:${dir.file("errand.db")}`;
  const errand = await Errand.open({ url, tasks: [hang] });
  const env = { ERRAND_URL: url, ERRAND_LEASE: `${leaseMs}` };
  const process = await spawnTs(current, "test/support/children/worker.ts", env);
  const [ready, id = "", pid] = (await process.nextLine()).split(" ");
  expect(ready).toBe("ready");
  return {
    ...{ errand, process, id, pid: Number(pid) },
    async [Symbol.asyncDispose]() {
      await process.kill();
      await errand.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe("the worker of another process", () => {
  it("A19: is listed with its heartbeat, its queues and what it runs", async () => {
    await using test = await child(30_000);
    const job = await test.errand.enqueue(hang);
    expect(await test.process.nextLine()).toBe(`started ${job.id}`);
    const { workers } = await test.errand.workers.list();
    expect(workers).toMatchObject([{
      ...{ id: test.id, name: "child", pid: test.pid, state: "running", running: 1 },
      ...{ queues: { default: 4 }, concurrency: 4 },
    }]);
    const [{ runtime, startedAt, heartbeatAt } = {}] = workers;
    expect(runtime?.toLowerCase()).toContain(current);
    expect(heartbeatAt!.getTime()).toBeGreaterThanOrEqual(startedAt!.getTime());
    const held = await test.errand.list({ worker: test.id });
    expect(held.jobs.map(({ id }) => id)).toEqual([job.id]);
  }, LONG_MS);

  it("A19: stops when it is told to, and its jobs lose no attempt", async () => {
    await using test = await child(30_000); // the next heartbeat is ten seconds away
    const job = await test.errand.enqueue(hang);
    await test.process.nextLine();
    const { id } = test;
    const asked = { grace: 0, reason: "a new version" };
    expect(await test.errand.workers.stop(id, asked)).toMatchObject({ id, state: "stopping" });
    expect(await test.process.nextLine()).toBe(`aborted ${job.id} shutdown`);
    expect(await test.process.nextLine()).toBe("stopped elsewhere a new version");
    expect(await test.process.ended).toBe(0);
    expect(await test.errand.workers.get(id)).toBeUndefined();
    expect(await test.errand.get(job.id)).toMatchObject({ state: "available", attempt: 0 });
  }, LONG_MS);

  it("A19: drained finishes what it runs, takes nothing new, and ends", async () => {
    await using test = await child(600);
    const { errand, id, process } = test;
    const job = await errand.enqueue(hang);
    await process.nextLine();
    await errand.workers.drain(id);
    await errand.workers.drain(id);
    await expect.poll(() => errand.workers.get(id)).toMatchObject({ state: "draining" });
    const { heartbeatAt } = (await errand.workers.get(id))!;
    const later = async () => (await errand.workers.get(id))!.heartbeatAt > heartbeatAt;
    await expect.poll(later).toBe(true); // it has heard by now, lives, and holds its job
    const next = await errand.enqueue(hang);
    await expect.poll(later).toBe(true);
    expect((await errand.get(next.id))?.state).toBe("available");
    await errand.cancel(job.id);
    expect(await process.nextLine()).toBe(`aborted ${job.id} cancelled`);
    expect(await process.nextLine()).toBe("stopped elsewhere ");
    expect((await errand.get(next.id))?.state).toBe("available");
  }, LONG_MS);

  it("A19: that was killed is dead once its lease is over", async () => {
    await using test = await child(300);
    await test.errand.enqueue(hang);
    await test.process.nextLine();
    await test.process.kill();
    const state = async () => (await test.errand.workers.get(test.id))?.state;
    await expect.poll(state).toBe("dead");
  }, LONG_MS);

  it(
    "A18: loses all its jobs to one call, and their signals abort with its heartbeat",
    async () => {
      await using test = await child(600);
      const { errand, id, process } = test;
      const jobs = await errand.enqueueMany(hang, [1, 2, 3]);
      for (const _ of jobs) await process.nextLine();
      const other = await errand.enqueue(hang, {}, { delay: "1h" });
      expect(await errand.cancelMany({ worker: id })).toEqual({ count: 3 });
      const lines = [];
      for (const _ of jobs) lines.push(await process.nextLine());
      expect(lines.sort()).toEqual(jobs.map(({ id }) => `aborted ${id} cancelled`).sort());
      expect((await errand.get(other.id))?.state).toBe("scheduled");
      expect(await errand.workers.get(id)).toMatchObject({ state: "running", running: 0 });
    },
    LONG_MS,
  );
});
