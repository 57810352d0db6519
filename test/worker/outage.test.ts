import { describe, expect, it } from "vitest";
import { defineTask, Errand, type ErrandEvents } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { gate } from "../support/gate.ts";
import { spawnTs, type TsProcess } from "../support/spawn.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A process that holds the write lock of the file until it is killed. */
async function lockHolder(dir: TempDir): Promise<TsProcess> {
  const child = await spawnTs(current, "test/support/children/hold-lock.ts", {
    LOCKED_FILE: dir.file("errand.db"),
  });
  expect(await child.nextLine()).toBe("locked");
  return child;
}

/** A busy Errand whose patience ends soon, and the errors that its background work met. */
async function impatient(dir: TempDir) {
  const [started, finish] = [gate(), gate<string>()];
  const runs: string[] = [];
  const work = defineTask({
    name: "work",
    run: async ({ job, update, log }) => {
      runs.push(job.id);
      log("line");
      await update({ updated: true });
      if (runs.length === 5) started.open();
      return await finish.opened;
    },
  });
  const errand = await Errand.open({
    ...{ url: `file:${dir.file("errand.db")}`, tasks: [work], busyTimeout: "30ms" },
  });
  const errors: ErrandEvents["error"][] = [];
  errand.on("error", (error) => errors.push(error));
  const jobs = await errand.enqueueMany(work, Array.from({ length: 5 }, (_, n) => ({ n })));
  const worker = errand.worker({ lease: "1m" });
  await worker.start();
  await started.opened;
  return { errand, worker, jobs, runs, errors, finish };
}

describe("a database that another process keeps locked for longer than busyTimeout", () => {
  it("loses no outcome: the same exchange is repeated until it is stored", async () => {
    await using dir = await tempDir();
    const { errand, jobs, runs, errors, finish } = await impatient(dir);
    await using closing = errand;
    await using holder = await lockHolder(dir);
    finish.open("kept");
    const exchanges = (): number => errors.filter(({ during }) => during === "exchange").length;
    await expect.poll(exchanges).toBeGreaterThanOrEqual(2);
    expect(errors[0]?.error).toMatchObject({ name: "ErrandError", code: "DATABASE_BUSY" });
    expect((await errand.stats()).running).toBe(5); // reading goes on
    await holder.kill();
    await expect.poll(async () => (await errand.stats()).completed).toBe(5);
    for (const [n, { id }] of jobs.entries()) {
      expect(await closing.get(id)).toMatchObject({
        ...{ state: "completed", result: "kept", attempt: 1, payload: { n, updated: true } },
      });
      expect(await errand.logs(id)).toHaveLength(1);
    }
    expect(runs).toHaveLength(5);
  });

  it("keeps a stopping worker at it until its outcomes are stored", async () => {
    await using dir = await tempDir();
    const { errand, worker, finish, errors } = await impatient(dir);
    await using holder = await lockHolder(dir);
    finish.open("kept");
    const stopped = worker.stop();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await holder.kill();
    await stopped;
    expect(await errand.stats()).toMatchObject({ completed: 5, running: 0 });
    await errand.close();
  });

  it("fails an enqueue with DATABASE_BUSY and adds nothing", async () => {
    await using dir = await tempDir();
    const { errand, finish } = await impatient(dir);
    await using closing = errand;
    finish.open("kept");
    await expect.poll(async () => (await errand.stats()).completed).toBe(5);
    await using holder = await lockHolder(dir);
    await expect(closing.enqueue("work", { n: 6 })).rejects.toMatchObject({
      ...{ name: "ErrandError", code: "DATABASE_BUSY" },
    });
    await holder.kill();
    expect((await errand.list()).jobs).toHaveLength(5);
    await errand.enqueue("work", { n: 6 });
    expect((await errand.list()).jobs).toHaveLength(6);
  });
});
