// A request whose answer was lost is sent again: it has no second effect and answers the same.
import { describe, expect, it } from "vitest";
import type { ExchangeRequest } from "../../src/broker.ts";
import {
  claim,
  claimIds,
  jobError,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { openBench, places } from "../support/store.ts";

describe.each(places)("in a store at %s", (place) => {
  it("a repeated enqueue adds no job and changes none", async () => {
    await using bench = await openBench(place);
    const jobs = [newJob("a"), newJob("b", { delayMs: 5_000 })];
    await bench.store.enqueue(jobs);
    await claim(bench.store, "mine");
    const before = await bench.tables();
    await bench.clock.advance("1m");
    await bench.store.enqueue(jobs);
    expect(await bench.tables()).toEqual(before);
  });

  it("a repeated claim takes nothing more and answers the same jobs", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    const first = await claim(bench.store, "mine", ["q"], { limit: 2 });
    const before = await bench.tables();
    expect(await claim(bench.store, "mine", ["q"], { limit: 2 }))
      .toEqual({ ...first, repeated: true });
    expect(first.jobs.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await bench.tables()).toEqual(before);
  });

  it("a repeated claim answers only what the lease still holds", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    await claim(bench.store, "mine", ["q"], { limit: 4 });
    await settle(bench.store, [
      settlement("a", "mine", outcomes.complete),
      settlement("b", "mine", outcomes.release),
    ]);
    await bench.store.cancel("c", rescueAll.retentions);
    const before = await bench.tables();
    expect(await claimIds(bench.store, "mine", ["q"], { limit: 4 })).toEqual(["d"]);
    expect(await bench.tables()).toEqual(before);
  });

  it("a repeated exchange settles once, reports nothing as lost, and claims once", async () => {
    await using bench = await openBench(place);
    const ids = ["a", "b", "c", "d", "e", "f", "g"];
    await bench.store.enqueue(ids.map((id) => newJob(id)));
    await claim(bench.store, "mine", ["q"], { limit: 6 });
    const lines = JSON.stringify([{ at: 1, attempt: 1, message: "hello" }]);
    const request: ExchangeRequest = {
      worker: "worker",
      settlements: [
        settlement("a", "mine", outcomes.complete, { report: { logs: [{ id: "log", lines }] } }),
        settlement("b", "mine", outcomes.fail),
        settlement("c", "mine", outcomes.retry),
        settlement("d", "mine", outcomes.snooze),
        settlement("e", "mine", outcomes.complete, { retentionMs: 0 }),
        settlement("f", "mine", { kind: "release", delayMs: 9_000 }),
      ],
      closedLeases: ["mine"],
      claim: { lease: "next", leaseMs: LEASE_MS, limit: 9, queues: [{ queue: "q", limit: 9 }] },
    };
    const first = await bench.store.exchange(request);
    const before = await bench.tables();
    expect(first.lost).toEqual(new Set());
    expect(first.jobs.map(({ id }) => id)).toEqual(["g"]);
    expect(await bench.store.exchange(request)).toEqual({ ...first, repeated: true });
    expect(await bench.tables()).toEqual(before);
    expect(await bench.store.logs("a")).toHaveLength(1);
  });

  it("a job given back and claimed again in one exchange is not reported as lost", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b"].map((id) => newJob(id)));
    await claim(bench.store, "mine");
    await bench.store.cancel("b", rescueAll.retentions);
    const request: ExchangeRequest = {
      worker: "worker",
      settlements: [
        settlement("a", "mine", outcomes.release),
        settlement("b", "mine", outcomes.complete),
      ],
      closedLeases: ["mine"],
      claim: { lease: "next", leaseMs: LEASE_MS, limit: 9, queues: [{ queue: "q", limit: 9 }] },
    };
    const answer = await bench.store.exchange(request);
    expect(answer.jobs.map(({ id }) => id)).toEqual(["a"]);
    expect([...answer.lost]).toEqual(["b"]);
  });

  it("a repeated heartbeat saves its log lines once and answers the same", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a"), newJob("b")]);
    await claim(bench.store, "mine");
    await settle(bench.store, [settlement("b", "mine", outcomes.complete)]);
    const lines = JSON.stringify([{ at: 1, attempt: 1, message: "hello" }]);
    const request = {
      leaseMs: LEASE_MS,
      leases: ["mine"],
      held: [
        { id: "a", queue: "q", lease: "mine", report: { logs: [{ id: "log", lines }] } },
        { id: "b", queue: "q", lease: "mine" },
      ],
    };
    const first = await bench.store.heartbeat(request);
    const before = await bench.tables();
    expect(first).toEqual({ lost: [{ id: "b", state: "completed" }], prolonged: 1 });
    expect(await bench.store.heartbeat(request)).toEqual(first);
    expect(await bench.tables()).toEqual(before);
  });

  it("an outcome of another lease is reported as lost and never as a success", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a")]);
    await claim(bench.store, "first");
    await bench.clock.advance("1h");
    await bench.store.rescue(rescueAll);
    await claim(bench.store, "second");
    const before = await bench.tables();
    for (const outcome of Object.values(outcomes)) {
      const { lost } = await settle(bench.store, [settlement("a", "first", outcome)], ["first"]);
      expect([...lost], outcome.kind).toEqual(["a"]);
    }
    expect(await bench.tables()).toEqual(before);
  });

  it("a late completion that keeps no history is reported as lost while the job is there", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a")]);
    await claim(bench.store, "first");
    await bench.clock.advance("1h");
    await bench.store.rescue(rescueAll);
    await claim(bench.store, "second");
    const late = settlement("a", "first", outcomes.complete, { retentionMs: 0 });
    expect([...(await settle(bench.store, [late])).lost]).toEqual(["a"]);
    expect((await bench.store.get("a"))?.state).toBe("running");
  });

  it("one lost outcome takes no other of its batch with it", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue(["a", "b", "c"].map((id) => newJob(id)));
    await claim(bench.store, "mine");
    await bench.store.cancel("b", rescueAll.retentions);
    const ids = ["a", "b", "c"];
    const all = ids.map((id) => settlement(id, "mine", outcomes.complete));
    expect([...(await settle(bench.store, all, ["mine"])).lost]).toEqual(["b"]);
    const states = await Promise.all(ids.map(async (id) => (await bench.store.get(id))?.state));
    expect(states).toEqual(["completed", "cancelled", "completed"]);
    expect((await bench.tables()).leases).toEqual({});
  });

  it("a lease is closed only when nothing runs under it", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a"), newJob("b")]);
    await claim(bench.store, "mine");
    await settle(bench.store, [settlement("a", "mine", outcomes.complete)], ["mine"]);
    expect(Object.keys((await bench.tables()).leases)).toEqual(["mine"]);
    await settle(bench.store, [settlement("b", "mine", outcomes.complete)], ["mine"]);
    expect((await bench.tables()).leases).toEqual({});
  });

  it("a job remembers its last ten errors, the newest last", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a")]);
    for (let attempt = 1; attempt <= 12; attempt++) {
      await claim(bench.store, `lease ${attempt}`);
      const outcome = { kind: "retry", error: jobError(attempt), delayMs: 0 } as const;
      const { lost } = await settle(bench.store, [settlement("a", `lease ${attempt}`, outcome)]);
      expect(lost.size).toBe(0);
    }
    const job = await bench.store.get("a");
    expect(job?.errors.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(job?.error).toEqual(jobError(12));
  });
});
