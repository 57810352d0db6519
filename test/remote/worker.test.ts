// Workers over a real server: outages, clocks that are wrong, and how soon they hear of jobs.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, defineTask, Errand } from "../../mod.ts";
import { systemClock } from "../../src/clock.ts";
import { offered } from "../support/need.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { until } from "../support/until.ts";

describe.runIf(offered("tests over sqld", findSqld()))("a worker over a server", () => {
  let server: Sqld;
  let proxy: Proxy;

  beforeAll(async () => {
    server = await startSqld();
    proxy = await startProxy(server.url);
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it("hears of another process's job within a moment", async () => {
    const task = defineTask({ name: "soon", queue: "soon", run: () => "done" });
    await using errand = await Errand.open({ url: server.url, tasks: [task] });
    await using elsewhere = await Errand.open({ url: server.url, tasks: [task] });
    await using worker = errand.worker({ pollInterval: "30s" });
    await worker.start();
    const start = performance.now();
    const job = await elsewhere.enqueue(task);
    await until(
      async () => expect((await elsewhere.get(job.id))?.state).toBe("completed"),
    );
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("goes on by itself after an outage, and stores what ended in the meantime", async () => {
    const seen: number[] = [];
    let release = (): void => {};
    const open = new Promise<void>((resolve) => release = resolve);
    const task = defineTask({
      name: "outage",
      queue: "outage",
      async run({ input }) {
        seen.push(input as number);
        if (input === 0) await open;
        return input;
      },
    });
    const errors: unknown[] = [];
    await using errand = await Errand.open({
      url: proxy.url,
      tasks: [task],
      requestTimeout: 500,
    });
    errand.on("error", ({ error }) => errors.push(error));
    await using worker = errand.worker({ concurrency: 2 });
    await worker.start();
    const first = await errand.enqueue(task, 0);
    await until(() => expect(seen).toEqual([0]));
    proxy.down = true;
    release();
    await until(() => expect(errors.length).toBeGreaterThan(1));
    await expect(errand.enqueue(task, 1)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    proxy.down = false;
    const second = await errand.enqueue(task, 2);
    const ended = [await errand.wait(first, { timeout: "30s" }), await errand.wait(second)];
    expect(ended.map(({ state, result, attempt }) => [state, result, attempt]))
      .toEqual([["completed", 0, 1], ["completed", 2, 1]]);
    expect(seen).toEqual([0, 2]);
  });

  it("whose machine's clock is wrong is early, late and rescued no more than others", async () => {
    const task = defineTask({ name: "skew", queue: "skew", run: () => "done" });
    const slow = defineTask({
      name: "slow",
      queue: "slow",
      run: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
    });
    const off = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() + ms });
    const clocks = [off(-600_000), off(600_000)];
    const errands = await Promise.all(
      clocks.map((clock) => Errand.open({ url: server.url, tasks: [task, slow], clock })),
    );
    const rescued: string[] = [];
    for (const errand of errands) errand.on("rescued", ({ id }) => rescued.push(id));
    const workers = errands.map((errand) => errand.worker({ lease: "2s", pollInterval: 100 }));
    for (const worker of workers) await worker.start();
    const held = await errands[0]!.enqueue(slow);
    const delayed = await Promise.all(
      errands.map((errand) => errand.enqueue(task, undefined, { delay: "1500ms" })),
    );
    expect(delayed.map(({ state }) => state)).toEqual(["scheduled", "scheduled"]);
    const done = await Promise.all(
      delayed.map(({ id }) => errands[1]!.wait(id, { timeout: "20s" })),
    );
    for (const { runAt, startedAt, createdAt, state } of done) {
      expect(state).toBe("completed");
      expect(runAt.getTime() - createdAt.getTime()).toBe(1_500);
      expect(startedAt!.getTime()).toBeGreaterThanOrEqual(runAt.getTime());
      expect(startedAt!.getTime() - runAt.getTime()).toBeLessThan(15_000);
    }
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // longer than a lease
    expect(rescued).toEqual([]);
    expect((await errands[0]!.get(held.id))?.state).toBe("running");
    await errands[0]!.cancel(held.id);
    await Promise.all(errands.map((errand) => errand.close({ grace: 0 })));
  });
});
