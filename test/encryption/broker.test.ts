import { describe, expect, it } from "vitest";
import type { Broker, ExchangeAnswer } from "../../src/broker.ts";
import { EncryptedBroker } from "../../src/encryption/encrypted-broker.ts";
import { KeyRing } from "../../src/encryption/key-ring.ts";
import { openJob, openSchedulePayload } from "../../src/encryption/open.ts";
import { checkEncryption } from "../../src/encryption/options.ts";
import { sealSchedulePayload } from "../../src/encryption/seal.ts";
import type { Job } from "../../src/job.ts";
import type { Settlement } from "../../src/outcome.ts";
import { jobError, LEASE_MS, newJob, outcomes, rescueAll, settlement } from "../support/jobs.ts";
import { ring } from "../support/keys.ts";
import { openBench } from "../support/store.ts";

const encrypted = async (broker: Broker): Promise<EncryptedBroker> =>
  new EncryptedBroker(broker, await KeyRing.of(checkEncryption(ring(1))));

describe("under encryption", () => {
  it("a batch that is repeated after a lost answer changes nothing more", async () => {
    await using bench = await openBench();
    const broker = await encrypted(bench.store);
    const jobs = [newJob("a"), newJob("b")];
    await broker.enqueue(jobs);
    await broker.enqueue(jobs);
    const claims = [await claim(broker, "lease"), await claim(broker, "lease")];
    expect(claims.map(({ jobs }) => jobs.map(({ payload }) => payload)))
      .toEqual([0, 1].map(() => ['"payload of a"', '"payload of b"']));
    const report = { progress: "7", logs: [{ id: "chunk", lines: lines("line") }] };
    const ends = ["a", "b"].map((id) => settlement(id, "lease", outcomes.complete, { report }));
    for (const _ of [1, 2]) expect((await settle(broker, ends)).lost.size).toBe(0);
    expect(await broker.get("a")).toMatchObject({ result: { done: true }, progress: 7 });
    expect(await broker.logs("a")).toHaveLength(1);
  });

  it("an outcome or a report without its lease changes nothing", async () => {
    await using bench = await openBench();
    const broker = await encrypted(bench.store);
    await broker.enqueue([newJob("a")]);
    await claim(broker, "lease");
    const before = await bench.tables();
    const other = settlement("a", "other", outcomes.complete, { report: { payload: "1" } });
    expect((await settle(broker, [other])).lost).toEqual(new Set(["a"]));
    const { lost } = await broker.heartbeat({ leaseMs: LEASE_MS, leases: [], held: [other] });
    expect(lost.map(({ id }) => id)).toEqual(["a"]);
    expect(await bench.tables()).toEqual(before);
  });

  it("what the database itself writes of a vanished worker is read beside what is", async () => {
    await using bench = await openBench();
    const broker = await encrypted(bench.store);
    await broker.enqueue([newJob("a")]);
    await claim(broker, "first");
    await settle(broker, [settlement("a", "first", { ...outcomes.retry, delayMs: 0 })]);
    await claim(broker, "second");
    await bench.clock.advance(LEASE_MS);
    expect((await broker.rescue(rescueAll)).jobs).toHaveLength(1);
    const job = await broker.get("a");
    expect(job?.errors.map(({ code }) => code)).toEqual(["HANDLER", "LEASE_EXPIRED"]);
    expect(job?.errors[0]).toEqual(jobError());
    expect(job?.error?.message).toMatch(/^The worker stopped sending heartbeats/);
    expect(job?.locked).toBeUndefined();
  });

  it("the payload of a schedule is read by its occurrences, and by no other job", async () => {
    await using bench = await openBench();
    const keys = await KeyRing.of(checkEncryption(ring(1)));
    const broker = new EncryptedBroker(bench.store, keys);
    const payload = await sealSchedulePayload(keys, "hourly", '{"n":1}');
    const of = (name: string): string => JSON.stringify({ schedule: { name, at: 1 } });
    await bench.store.enqueue([
      newJob("a", { payload, options: of("hourly") }),
      newJob("b", { payload, options: of("daily") }),
      newJob("c", { payload }),
    ]);
    const { jobs } = await claim(broker, "lease");
    expect(jobs.map(({ locked }) => locked?.code)).toEqual([undefined, "CHANGED", "CHANGED"]);
    expect(jobs[0]?.payload).toBe('{"n":1}');
    const job = { ...(await bench.store.get("a"))!, schedule: { name: "hourly", at: new Date(1) } };
    expect((await openJob(keys, job)).payload).toEqual({ n: 1 });
    expect(
      (await openJob(keys, { ...job, schedule: { name: "daily", at: new Date(1) } } as Job)).locked
        ?.code,
    )
      .toBe("CHANGED");
    expect(await openSchedulePayload(keys, "hourly", JSON.parse(payload)))
      .toEqual({ value: { n: 1 } });
    expect(await openSchedulePayload(undefined, "hourly", JSON.parse(payload)))
      .toEqual({ lock: { code: "NO_KEY", message: 'no key "k1"' } });
    const report = { payload: '{"n":2}' };
    await settle(broker, [settlement("a", "lease", outcomes.snooze, { report })]);
    expect((await broker.get("a"))?.payload).toEqual({ n: 2 }); // its own from now on
  });

  it("a job takes no more statements than without", async () => {
    await using plain = await openBench();
    await using secret = await openBench();
    const brokers = [plain.store, await encrypted(secret.store)];
    for (const broker of brokers) {
      await broker.enqueue([newJob("a"), newJob("b")]);
      await claim(broker, "lease");
      await settle(broker, ["a", "b"].map((id) => settlement(id, "lease", outcomes.complete)));
    }
    expect(secret.statements.map(({ sql }) => sql)).toEqual(plain.statements.map(({ sql }) => sql));
  });
});

it("without encryption every request and answer passes through as it is", async () => {
  const asked: unknown[] = [];
  const answer = { jobs: [], lost: new Set(), createdAtMs: 1 };
  const inner = new Proxy({} as Broker, {
    get: (_, verb) =>
      verb === "version" ? undefined : (request: unknown) => {
        asked.push(request);
        return Promise.resolve(answer);
      },
  });
  const broker = new EncryptedBroker(inner);
  expect(broker.encrypts).toBe(false);
  const jobs = [newJob("a")];
  const report = { payload: "1", progress: "2", logs: [{ id: "chunk", lines: lines("line") }] };
  const settlements = Object.values(outcomes).map((outcome) =>
    settlement("a", "lease", outcome, { report })
  );
  const exchange = { worker: "worker", settlements, closedLeases: [] };
  const heartbeat = { leaseMs: LEASE_MS, leases: [], held: settlements };
  expect(await broker.enqueue(jobs)).toBe(answer);
  expect(await broker.exchange(exchange)).toBe(answer);
  expect(await broker.heartbeat(heartbeat)).toBe(answer);
  for (const [index, request] of [jobs, exchange, heartbeat].entries()) {
    expect(asked[index]).toBe(request);
  }
});

/** Claims from queue `q` under `lease`. */
function claim(broker: Broker, lease: string): Promise<ExchangeAnswer> {
  const queues = [{ queue: "q", limit: 100 }];
  const claim = { lease, leaseMs: LEASE_MS, limit: 100, queues };
  return broker.exchange({ worker: "worker", settlements: [], closedLeases: [], claim });
}

/** Hands in outcomes without claiming. */
function settle(broker: Broker, settlements: readonly Settlement[]): Promise<ExchangeAnswer> {
  return broker.exchange({ worker: "worker", settlements, closedLeases: [] });
}

function lines(message: string): string {
  return JSON.stringify([{ at: 1, attempt: 1, message }]);
}
