// At most so many jobs of a queue at once, over all workers of the database.
import { describe, expect, it } from "vitest";
import { Errand } from "../src/errand.ts";
import { defineTask } from "../src/task.ts";
import { testErrand } from "../src/testing/test-errand.ts";
import { systemClock } from "../src/clock.ts";
import { gate } from "./support/gate.ts";
import { tempDir } from "./support/temp.ts";
import { openWorkApi } from "./support/work-api.ts";

describe("a limited queue", () => {
  it("never has more running than its limit, however many workers there are", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    let running = 0;
    let most = 0;
    const task = defineTask({
      name: "t",
      async run() {
        most = Math.max(most, ++running);
        await systemClock.turn();
        running--;
      },
    });
    const errands = await Promise.all([1, 2, 3].map(() => Errand.open({ url, tasks: [task] })));
    const [first] = errands as [Errand, Errand, Errand];
    await first.queues.limit("default", 3);
    const jobs = await first.enqueueMany(task, Array.from({ length: 150 }, () => undefined));
    for (const errand of errands) {
      for (let n = 0; n < 3; n++) await errand.worker({ concurrency: 4 }).start();
    }
    await first.wait(jobs, { timeout: "50s" });
    expect(await first.stats()).toMatchObject({ completed: 150 });
    expect([running, most]).toEqual([0, 3]);
    for (const errand of errands) await errand.close();
  }, 60_000);

  it("lets the next job begin in an idle worker when one ends, is cancelled or the limit", async () => {
    const begun: number[] = [];
    const ends = [gate(), gate(), gate(), gate()];
    const task = defineTask<number>({
      name: "t",
      async run({ input, signal }) {
        begun.push(input);
        await Promise.race([
          ends[input]!.opened,
          new Promise((resolve) => signal.addEventListener("abort", resolve)),
        ]);
      },
    });
    await using errand = await testErrand({ tasks: [task] });
    await errand.queues.limit("default", 1);
    const jobs = await errand.enqueueMany(task, [0, 1, 2, 3]);
    const workers = [errand.worker({ concurrency: 1 }), errand.worker({ concurrency: 1 })];
    for (const worker of workers) await worker.start();
    await errand.clock.advance("10ms");
    expect(begun).toEqual([0]);
    ends[0]!.open();
    await errand.clock.advance("10ms");
    expect(begun).toEqual([0, 1]);
    await errand.cancel(jobs[1]!.id);
    await errand.clock.advance("10ms");
    expect(begun).toEqual([0, 1, 2]);
    await errand.queues.limit("default", null);
    await errand.clock.advance("2s"); // whoever has claimed it ahead gives it back
    expect(begun).toEqual([0, 1, 2, 3]);
    for (const end of ends) end.open();
  });

  it.each([0, -1, 1.5, 1_000_001, "3", undefined])("cannot be limited to %s", async (most) => {
    await using errand = await testErrand();
    await expect(errand.queues.limit("q", most as number)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/^Cannot use .* as the limit of queue "q"/),
    });
  });

  it("loses its limit when it is removed", async () => {
    await using errand = await testErrand();
    await errand.queues.limit("q", 2);
    expect((await errand.stats()).queues.q).toMatchObject({ limit: 2 });
    await errand.queues.remove("q");
    expect((await errand.stats()).queues).toEqual({});
  });

  it("is limited and shown over HTTP", async () => {
    await using api = await openWorkApi();
    const put = (limit: unknown) => api.send("/v1/queues/q", { limit }, { method: "PUT" });
    expect((await put(4)).status).toBe(204);
    expect((await api.send("/v1/stats")).body).toMatchObject({ queues: { q: { limit: 4 } } });
    expect((await api.send("/v1/queues/q")).body).toMatchObject({ limit: 4 });
    expect((await put(0)).status).toBe(400);
    expect((await put(null)).status).toBe(204);
    expect((await api.errand.stats()).queues).toEqual({});
  });
});
