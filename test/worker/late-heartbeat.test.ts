import { expect, it } from "vitest";
import { defineTask, type Task, Worker } from "../../mod.ts";
import type { Broker, HeartbeatRequest } from "../../src/broker.ts";
import { Events } from "../../src/events.ts";
import { Tasks } from "../../src/tasks.ts";
import { Wake } from "../../src/wake.ts";
import { gate } from "../support/gate.ts";
import { newJob } from "../support/jobs.ts";
import { openBench } from "../support/store.ts";

it("a heartbeat that is answered late does not abort the next attempt of its job", async () => {
  await using bench = await openBench();
  const { clock, store } = bench;
  const [first, second] = [gate(), gate<string>()];
  const [sent, answer] = [gate(), gate()];
  const started: AbortSignal[] = [];
  const task = defineTask({
    name: "task",
    queue: "q",
    retry: { maxAttempts: 2, delay: 0 },
    run: async ({ job, signal }) => {
      started.push(signal);
      if (job.attempt === 2) return await second.opened;
      await first.opened;
      throw new Error("the first attempt fails");
    },
  });
  const late = async (request: HeartbeatRequest) => {
    if (request.held.length === 0) return await store.heartbeat(request);
    sent.open();
    await answer.opened;
    return await store.heartbeat(request);
  };
  const tasks = new Tasks();
  tasks.add([task as Task]);
  const events = new Events((error) => {
    throw error;
  });
  const lost: string[] = [];
  events.on("lost", ({ id }) => lost.push(id));
  const worker = new Worker({
    broker: new Proxy<Broker>(store, {
      get: (target, key) => {
        if (key === "heartbeat") return late;
        const value = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }),
    ...{ clock, events, tasks, wake: new Wake(clock), stopped: () => {} },
    ...{ payloadLimitBytes: 1_000, retentionMs: null, nextRuns: {} },
  }, { lease: "30s" });
  await store.enqueue([newJob("job")]);
  await worker.start();
  await clock.advance("10s");
  await sent.opened;
  first.open();
  await expect.poll(() => started.length).toBe(2);
  answer.open();
  await clock.advance("1s");
  expect(started[1]?.aborted).toBe(false);
  second.open("done");
  await worker.stop();
  const { state, result } = (await store.get("job"))!;
  expect([state, result, lost]).toEqual(["completed", "done", []]);
});
