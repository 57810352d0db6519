// The same over a libSQL server, where one is at hand.
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { offered } from "../support/need.ts";
import { findSqld, startSqld } from "../support/sqld.ts";

describe.runIf(offered("workers over sqld", findSqld()))("A19: over a server, a worker", () => {
  it("is listed with what it runs, and ends with its next heartbeat", async () => {
    await using server = await startSqld();
    const { url } = server;
    const started = gate();
    const hang = defineTask({
      name: "hang",
      run: ({ signal }) =>
        new Promise((_, reject) => {
          started.open();
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    await using errand = await testErrand({ url, tasks: [hang] });
    await using other = await testErrand({ url, clock: errand.clock });
    const job = await errand.enqueue(hang);
    const worker = errand.worker({ lease: "30s" });
    await worker.start();
    await started.opened;
    expect(await other.workers.list()).toMatchObject({
      workers: [{ id: worker.id, state: "running", running: 1, queues: { default: 10 } }],
    });
    expect((await other.list({ worker: worker.id })).jobs).toMatchObject([{ id: job.id }]);
    expect((await other.workers.drain(worker.id)).state).toBe("draining");
    const asked = { grace: 0, reason: "enough" };
    expect((await other.workers.stop(worker.id, asked)).state).toBe("stopping");
    await errand.clock.advance("10s");
    expect(await worker.stopped).toMatchObject({ asked: "elsewhere", reason: "enough" });
    expect((await other.workers.list()).workers).toEqual([]);
    expect(await other.get(job.id)).toMatchObject({ state: "available", attempt: 0 });
  });
});
