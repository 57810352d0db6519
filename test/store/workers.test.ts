// Rows of workers: what the verbs of the store do from each state that a row may be in.
import { describe, expect, it } from "vitest";
import type { WorkerBeat, WorkerCommand } from "../../src/worker-broker.ts";
import { claim, LEASE_MS, newJob, outcomes, settle, settlement } from "../support/jobs.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const DAY_MS = 86_400_000;

function beatOf(id: string, more: Partial<WorkerBeat> = {}): WorkerBeat {
  const process = { runtime: "Test/1", pid: 7 };
  return {
    ...{ id, name: `name of ${id}`, process, queues: { q: 4 }, concurrency: 9 },
    ...{ state: "running", ageMs: 0, ...more },
  };
}

async function beat({ store }: Bench, id: string, more?: Partial<WorkerBeat>) {
  const worker = beatOf(id, more);
  return await store.heartbeat({ leaseMs: LEASE_MS, leases: [], held: [], worker });
}

const stop = (graceMs: number | null = null, reason: string | null = null): WorkerCommand => ({
  ...{ kind: "stop", graceMs, reason },
});
const drain: WorkerCommand = { kind: "drain", graceMs: null, reason: null };

describe.each(places)("in a store at %s", (place) => {
  it("a worker is listed as it says it is, with the times of the database", async () => {
    await using bench = await openBench(place);
    await bench.clock.advance("1h");
    const startedAt = new Date(bench.clock.now() - 2_000);
    await beat(bench, "a", { ageMs: 2_000.4 });
    await bench.clock.advance("10s");
    await beat(bench, "a", { ageMs: 12_000, queues: { q: 4, r: 2 } });
    const info = {
      ...{ id: "a", name: "name of a", runtime: "Test/1", pid: 7, state: "running" },
      ...{ queues: { q: 4, r: 2 }, concurrency: 9, running: 0, startedAt },
      heartbeatAt: new Date(bench.clock.now()),
    };
    expect(await bench.store.workers.get("a")).toEqual(info);
    expect(await bench.store.workers.list("", 10)).toEqual([info]);
    expect(await bench.store.workers.get("b")).toBeUndefined();
  });

  it("a beat is one batch of one row, with its leases as without", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("job")]);
    await claim(bench.store, "mine");
    await beat(bench, "a");
    bench.statements.length = 0;
    const held = [{ id: "job", queue: "q", lease: "mine" }];
    const worker = beatOf("a");
    await bench.store.heartbeat({ leaseMs: LEASE_MS, leases: ["mine"], held, worker });
    const verbs = bench.statements.map(({ sql }) => sql.trim().split(/\s+/).slice(0, 3).join(" "));
    expect(verbs).toEqual([
      "INSERT INTO errand_worker",
      "UPDATE errand_lease SET",
      "SELECT held.value ->>",
    ]);
    bench.statements.length = 0;
    await beat(bench, "a");
    expect(bench.statements).toHaveLength(1);
    expect(await bench.rows("SELECT count(*) FROM errand_worker")).toEqual([[1]]);
  });

  it("pages go by id, with the jobs that each of them holds", async () => {
    await using bench = await openBench(place);
    const { store } = bench;
    for (const id of ["c", "a", "worker of mine", "b"]) await beat(bench, id);
    await store.enqueue(["1", "2", "3"].map((id) => newJob(id)));
    await claim(store, "mine");
    await settle(store, [settlement("1", "mine", outcomes.complete)]);
    const page = async (after: string) =>
      (await store.workers.list(after, 2)).map(({ id, running }) => [id, running]);
    expect(await page("")).toEqual([["a", 0], ["b", 0]]);
    expect(await page("b")).toEqual([["c", 0], ["worker of mine", 2]]);
    expect((await store.workers.get("worker of mine"))?.running).toBe(2);
  });

  it("one that was not heard of for its lease is dead, and lives again with a beat", async () => {
    await using bench = await openBench(place);
    const state = async () => (await bench.store.workers.get("a"))?.state;
    await beat(bench, "a");
    await bench.clock.advance(LEASE_MS - 1);
    expect(await state()).toBe("running");
    await bench.clock.advance(1);
    expect(await state()).toBe("dead");
    await beat(bench, "a");
    expect(await state()).toBe("running");
  });

  it("what is asked of it is told with each beat, and only sharpened by more", async () => {
    await using bench = await openBench(place);
    const { workers } = bench.store;
    const asked = async (command: WorkerCommand) => {
      const info = await workers.ask("a", command);
      return [info?.state, (await beat(bench, "a")).command];
    };
    await beat(bench, "a");
    expect(await workers.asked("a")).toBeUndefined();
    expect(await asked(drain)).toEqual(["draining", drain]);
    expect(await asked(drain)).toEqual(["draining", drain]);
    expect(await asked(stop())).toEqual(["stopping", stop()]);
    expect(await asked(stop(5_000, "why"))).toEqual(["stopping", stop(5_000, "why")]);
    expect(await asked(stop(9_000))).toEqual(["stopping", stop(5_000, "why")]);
    expect(await asked(stop(0, "now"))).toEqual(["stopping", stop(0, "now")]);
    expect(await asked(drain)).toEqual(["stopping", stop(0, "now")]);
    expect(await workers.asked("a")).toEqual(stop(0, "now"));
    expect(await workers.get("a")).toMatchObject({ state: "stopping", reason: "now" });
  });

  it("its own word is shown where nobody asked", async () => {
    await using bench = await openBench(place);
    for (const state of ["draining", "stopping"] as const) {
      await beat(bench, "a", { state });
      expect((await bench.store.workers.get("a"))?.state).toBe(state);
    }
    expect((await beat(bench, "a")).command).toBeUndefined();
  });

  it("a dead one keeps what was asked of it for its return; none is asked nothing", async () => {
    await using bench = await openBench(place);
    await beat(bench, "a");
    await bench.clock.advance("1h");
    expect((await bench.store.workers.ask("a", drain))?.state).toBe("dead");
    expect((await beat(bench, "a")).command).toEqual(drain);
    expect(await bench.store.workers.ask("b", stop())).toBeUndefined();
    expect(await bench.store.workers.asked("b")).toBeUndefined();
  });

  it("removed it is gone, and a removal of none changes nothing", async () => {
    await using bench = await openBench(place);
    for (const id of ["a", "b"]) await beat(bench, id);
    for (let twice = 0; twice < 2; twice++) await bench.store.workers.remove("a");
    expect((await bench.store.workers.list("", 9)).map(({ id }) => id)).toEqual(["b"]);
  });

  it("those that were dead for long are pruned, so many at a time, and no others", async () => {
    await using bench = await openBench(place);
    const { workers } = bench.store;
    for (const id of ["a", "b", "c"]) await beat(bench, id);
    await bench.clock.advance(LEASE_MS + DAY_MS - 1);
    await beat(bench, "alive");
    bench.statements.length = 0;
    await workers.prune(DAY_MS, 2);
    expect(bench.statements.map(({ sql }) => sql.trim().split(" ")[0])).toEqual(["SELECT"]);
    const left = async () => (await workers.list("", 9)).map(({ id }) => id);
    expect(await left()).toEqual(["a", "alive", "b", "c"]);
    await bench.clock.advance(1);
    await workers.prune(DAY_MS, 2);
    expect(await left()).toHaveLength(2);
    await workers.prune(DAY_MS, 2);
    expect(await left()).toEqual(["alive"]);
    await beat(bench, "a", { ageMs: 2 * DAY_MS });
    expect((await workers.get("a"))?.startedAt).toEqual(new Date(bench.clock.now() - 2 * DAY_MS));
  });
});
