import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { crewUrl } from "../support/crew.ts";
import { gate } from "../support/gate.ts";
import { spawnTs } from "../support/spawn.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({ name: "mark", run: () => "done" });
const NEVER = { pollInterval: "1h" } as const;

describe("an idle worker wakes at once, without a poll", () => {
  it("for a job that this Errand enqueues", async () => {
    await using errand = await testErrand({ tasks: [work] }); // its clock stands still
    await using worker = errand.worker(NEVER);
    await worker.start();
    for (let n = 0; n < 20; n++) {
      const { id } = await errand.enqueue(work);
      expect((await errand.wait(id)).state).toBe("completed");
    }
  });

  it("for a job that is made live again by hand", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await using worker = errand.worker(NEVER);
    await worker.start();
    const { id } = await errand.enqueue(work);
    await errand.wait(id);
    await errand.retry(id);
    expect((await errand.wait(id)).attempt).toBe(1);
  });

  it("for a job that another worker of the process gave back", async () => {
    const [started, finish] = [gate(), gate<string>()];
    const held = defineTask({
      name: "held",
      run: () => {
        started.open();
        return finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [held] });
    const first = errand.worker(NEVER);
    await first.start();
    const { id } = await errand.enqueue(held);
    await started.opened;
    await using second = errand.worker(NEVER);
    await second.start();
    await first.stop({ grace: 0 });
    finish.open("by the second");
    expect((await errand.wait(id)).result).toBe("by the second");
  });

  it("for a delayed job, when it is due and not before", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await using worker = errand.worker(NEVER);
    await worker.start();
    const { id } = await errand.enqueue(work, {}, { delay: "2s" });
    await errand.clock.advance(1_999);
    expect((await errand.get(id))?.state).toBe("scheduled");
    await errand.clock.advance(1);
    expect((await errand.get(id))?.state).toBe("completed");
  });

  it("for a job of another Errand on the same file, by the file's version", async () => {
    await using dir = await tempDir();
    const url = crewUrl(dir);
    await using errand = await testErrand({ url, tasks: [work] });
    await using other = await testErrand({ url, clock: errand.clock });
    await using worker = errand.worker(NEVER);
    await worker.start();
    const { id } = await other.enqueue("mark");
    expect((await errand.get(id))?.state).toBe("available");
    await errand.clock.advance("10ms");
    expect((await other.get(id))?.state).toBe("completed");
  });

  it("for the jobs of another process", async () => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: crewUrl(dir), tasks: [work] });
    const ends: string[] = [];
    errand.on("completed", ({ id }) => ends.push(id));
    await using worker = errand.worker(NEVER);
    await worker.start();
    await using child = await spawnTs(current, "test/torture/enqueuer.ts", {
      TORTURE_URL: crewUrl(dir),
      TORTURE_JOBS: "30",
    });
    const ids: string[] = [];
    while (ids.length < 30) ids.push(await child.nextLine());
    expect(await child.ended).toBe(0);
    await expect.poll(() => [...ends].sort()).toEqual([...ids].sort());
  });
});
