// An API alone keeps the database in order for workers that come by it.
import { describe, expect, it } from "vitest";
import { Keeper } from "../../src/http/keeper.ts";
import type { UpkeepBody } from "../../src/http/wire.ts";
import { newId } from "../../src/id.ts";
import { openWorkApi } from "../support/work-api.ts";

describe("an API without a worker of its own", () => {
  it("fires schedules, rescues and prunes while somebody asks for work", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    await errand.schedules.upsert("s", { task: "t", every: "1m", retention: "1m" });
    await errand.clock.advance("10m");
    expect(await errand.stats()).toMatchObject({ available: 0 }); // nobody would do it
    const claimed = api.claim({ wait: "1m", lease: "5s" });
    await errand.clock.advance("1s");
    const { jobs: [job], lease } = await claimed;
    expect(job).toMatchObject({ task: "t", schedule: { name: "s" } });
    await errand.clock.advance("6s");
    expect(await errand.get(job!.id)).toMatchObject({ state: "available" }); // its lease expired
    const again = await api.claim();
    expect(again.jobs).toMatchObject([{ id: job!.id, attempt: 2 }]);
    await api.settle(again.lease!.id, { job: job!.id, outcome: "complete" });
    expect(again.lease!.id).not.toBe(lease!.id);
    await errand.clock.advance("2m");
    expect(await errand.get(job!.id)).toBeUndefined();
  });

  it("keeps time only while somebody does, and no worker of its own", async () => {
    await using api = await openWorkApi({ tasks: [] });
    const { errand, parts } = api;
    const keeper = new Keeper(parts);
    keeper.asked();
    expect(keeper.awake).toBe(true);
    await errand.clock.advance("4m");
    expect(keeper.awake).toBe(true);
    await errand.clock.advance("2m");
    expect(keeper.awake).toBe(false);
    keeper.asked();
    expect(keeper.awake).toBe(true);
    const worker = errand.worker({ queues: ["default"] });
    await worker.start();
    await errand.clock.advance("1m");
    expect(keeper.awake).toBe(false);
    keeper.asked();
    expect(keeper.awake).toBe(false);
    await worker.stop();
    keeper.asked();
    expect(keeper.awake).toBe(true);
    await keeper.close();
    keeper.asked();
    expect(keeper.awake).toBe(false);
  });

  it("rescues what is claimed for less time than it would have rested", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    await api.claim();
    await errand.clock.advance("1s");
    const { id } = await errand.enqueue("t");
    await api.claim({ lease: "500ms" });
    await errand.clock.advance("600ms");
    expect(await errand.get(id)).toMatchObject({ state: "available" });
  });

  it("ends it with the Errand", async () => {
    const api = await openWorkApi();
    await api.claim();
    let rescues = 0;
    api.parts.broker.rescue = () => (rescues++, Promise.resolve({ jobs: [] }));
    await api.errand.close();
    await api.errand.clock.advance("10m");
    expect(rescues).toBe(0);
  });
});

describe("upkeep that is asked for", () => {
  it("does one pass of everything, and tells of it", async () => {
    await using api = await openWorkApi();
    const { errand, parts: { broker } } = api;
    const { id } = await errand.enqueue("t", null, { queue: "q" });
    const queues = [{ queue: "q", limit: 1 }];
    const claim = { lease: newId(), leaseMs: 1_000, limit: 1, queues };
    await broker.exchange({ worker: "w", settlements: [], closedLeases: [], claim });
    const old = await errand.enqueue("t", null, { retention: "1m" });
    await errand.cancel(old.id);
    await errand.schedules.upsert("s", { task: "t", every: "1m", queue: "q" });
    await errand.clock.advance("1m");
    const { status, body } = await api.send<UpkeepBody>("/v1/upkeep", {});
    expect(status).toBe(200);
    const rescued = [{ id, task: "t", queue: "q", attempt: 1, state: "available" }];
    expect(body).toEqual({ rescued, enqueued: 1, pruned: 1, nextIn: expect.any(Number) });
    expect(await errand.stats()).toMatchObject({ available: 2, cancelled: 0 });
    expect((await api.send<UpkeepBody>("/v1/upkeep", {})).body)
      .toMatchObject({ rescued: [], enqueued: 0, pruned: 0 });
  });
});
