// What a server will not store of one job does no harm to another.
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { gate } from "../support/gate.ts";
import { pair } from "../support/pair.ts";
import { until } from "../support/until.ts";

const now = (): Promise<void> => Promise.resolve();

/** Its `page` may be up to `most`; its handler turns to the ninth, and then waits. */
const paged = (name: string, most: number, wait = now) =>
  defineTask({
    name,
    input: v.object({ page: v.pipe(v.number(), v.maxValue(most)) }),
    async run({ log, update }) {
      log("turning pages");
      await update({ page: 9 });
      await wait();
      return "paged";
    },
  });

/** A server that is stricter than its worker, some of whose handlers wait for `finish`. */
async function stricter() {
  const end = gate();
  let waiting = 0;
  const wait = async (): Promise<void> => {
    waiting++;
    await end.opened;
  };
  const tasks = [
    paged("paged", 99, wait),
    paged("paged at last", 99),
    defineTask({
      name: "telling",
      async run({ progress }) {
        progress("x".repeat(5_000));
        await wait();
        return "told";
      },
    }),
    defineTask({ name: "plain", run: () => wait().then(() => "done") }),
    defineTask({ name: "large", run: () => "x".repeat(5_000) }),
    defineTask({ name: "quick", run: () => "done" }),
  ];
  let beats = 0;
  const both = await pair({
    server: { tasks: [paged("paged", 3), paged("paged at last", 3)], payloadLimit: 1_000 },
    api: { open: true, anyTask: true },
    client: { tasks },
    async between(request, pass) {
      const response = await pass();
      if (request.url.endsWith("/heartbeat") && response.ok) beats++;
      return response;
    },
  });
  const errors: string[] = [];
  both.client.on("error", ({ during, error }) => {
    errors.push(`${during}: ${error instanceof Error ? error.message : String(error)}`);
  });
  return { both, errors, beats: () => beats, waiting: () => waiting, finish: () => end.open() };
}

describe("a server that refuses what one job reports", () => {
  it("prolongs the leases of all, and stores what others report", async () => {
    const { both, errors, beats, waiting, finish } = await stricter();
    await using _ = both;
    const { client, server, clock } = both;
    const jobs = await client.enqueueMany([
      { task: "paged", payload: { page: 1 } },
      { task: "telling" },
      { task: "plain" },
    ]);
    await using worker = client.worker({ concurrency: 5, lease: "30s" });
    await worker.start();
    await until(() => expect(waiting()).toBe(3));
    await clock.advance(500);
    await until(() => expect(errors).toHaveLength(2));
    const [paged, telling] = jobs;
    expect(errors[0]).toContain(`heartbeat: Cannot save what job ${paged!.id} has reported, `);
    expect(errors[1]).toContain(`heartbeat: Cannot save what job ${telling!.id} has reported, `);
    for (let n = 0; n < 4; n++) {
      const before = beats();
      await clock.advance("10s");
      await until(() => expect(beats()).toBeGreaterThan(before));
    }
    finish();
    const ended = await server.wait(jobs);
    expect(ended.map(({ result, attempt }) => [result, attempt]))
      .toEqual([["paged", 1], ["told", 1], ["done", 1]]);
    expect(ended[0]?.payload).toEqual({ page: 1 });
    expect(await server.logs(paged!.id)).toMatchObject([{ message: "turning pages" }]);
    const next = await client.enqueue("quick");
    await until(async () => {
      await clock.advance(250); // until then another may come for it who was told
      expect(await server.get(next.id)).toMatchObject({ state: "completed", attempt: 1 });
    });
    expect(errors).toHaveLength(2);
  });

  it("prolongs the leases of more jobs than one body of its takes", async () => {
    const end = gate();
    let running = 0;
    const busy = defineTask({
      name: "busy",
      async run({ progress }) {
        progress(++running);
        await end.opened;
      },
    });
    await using both = await pair({
      api: { open: true, bodyLimit: 8 * 1024 },
      ...{ server: { tasks: [busy] }, client: { tasks: [busy] } },
    });
    const { client, server, clock } = both;
    const jobs = await server.enqueueMany(busy, Array.from({ length: 200 }));
    await using worker = client.worker({ concurrency: 200, lease: "30s" });
    await worker.start();
    await until(() => expect(running).toBe(200));
    for (let n = 0; n < 5; n++) await clock.advance("10s");
    end.open();
    const ended = await server.wait(jobs);
    expect(new Set(ended.map(({ state, attempt }) => `${state} ${attempt}`)))
      .toEqual(new Set(["completed 1"]));
    expect((await server.get(jobs[0]!.id))?.progress).toEqual(expect.any(Number));
  });

  it("stores every outcome, and fails the attempt whose outcome it is that it refuses", async () => {
    const { both, errors } = await stricter();
    await using _ = both;
    const { client, server } = both;
    const failed: [string, string][] = [];
    client.on("failed", ({ id, error }) => void failed.push([id, error.message]));
    const jobs = await client.enqueueMany([
      { task: "paged at last", payload: { page: 1 } },
      { task: "large" },
      { task: "quick" },
    ]);
    expect(await client.worker({ concurrency: 5 }).drain())
      .toMatchObject({ ended: "empty", completed: 2, failed: 1, lost: 0 });
    const [paged, large] = jobs;
    const [first, second, third] = await server.wait(jobs);
    expect(first).toMatchObject({ result: "paged", payload: { page: 1 }, attempt: 1 });
    expect(third).toMatchObject({ result: "done", attempt: 1 });
    expect(await server.logs(paged!.id)).toMatchObject([{ message: "turning pages" }]);
    const message = expect.stringMatching(/^Cannot store the outcome: .* the limit is 1000/);
    expect(second).toMatchObject({ state: "failed", errors: [{ attempt: 1, message }] });
    expect(failed).toEqual([[large!.id, message]]);
    expect(errors).toEqual([
      expect.stringContaining(`exchange: Cannot save what job ${paged!.id} has reported, `),
    ]);
  });
});
