// Random sequences of verbs against a model in memory that is too simple to be wrong.
import fc from "fast-check";
import process from "node:process";
import { describe, expect, it } from "vitest";
import type { JobState } from "../../src/job.ts";
import type { Outcome } from "../../src/outcome.ts";
import type { UniqueConflict, UniqueScope } from "../../src/unique.ts";
import {
  claimIds,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  scheduleRecord,
  settle,
  settlement,
  uniqueJob,
} from "../support/jobs.ts";
import { type Action, Model } from "../support/model.ts";
import { type Bench, openBench, places } from "../support/store.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const RETENTION_MS = 60_000;

const jobIndex = fc.nat(7);
const leaseIndex = fc.nat(5);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("enqueue" as const),
      queue: fc.constantFrom("q", "r"),
      priority: fc.integer({ min: -1, max: 1 }),
      delayMs: fc.constantFrom(0, 0, 0, 4_000, 40_000),
      scope: fc.constantFrom<(UniqueScope | undefined)[]>(
        ...[undefined, undefined, undefined, "waiting", "live", "window"] as const,
      ),
      onConflict: fc.constantFrom<UniqueConflict[]>("ignore", "replace", "reschedule"),
      via: fc.constantFrom(
        "call" as const,
        "call" as const,
        "commit" as const,
        "rollback" as const,
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      queues: fc.constantFrom(["q"], ["r"], ["q", "r"]),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      job: jobIndex,
      lease: fc.option(leaseIndex, { nil: undefined, freq: 3 }),
      outcome: fc.constantFrom<Outcome["kind"]>("complete", "fail", "retry", "snooze", "release"),
      retentionMs: fc.constantFrom(RETENTION_MS, RETENTION_MS, 0, null),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      job: jobIndex,
      lease: fc.option(leaseIndex, { nil: undefined, freq: 3 }),
      retentionMs: fc.constantFrom(RETENTION_MS, 0, null),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("occur" as const), stale: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), job: jobIndex }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retry" as const), job: jobIndex }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), job: jobIndex }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("many" as const),
      queue: fc.constantFrom("q", "r"),
      change: fc.constantFrom(
        { verb: "cancel", states: ["scheduled", "available", "running"] } as const,
        { verb: "cancel", states: ["running"] } as const,
        { verb: "retry", states: ["failed", "cancelled"] } as const,
        { verb: "remove", states: ["completed", "failed", "cancelled"] } as const,
        { verb: "remove", states: ["available", "failed"] } as const,
      ),
      limit: fc.integer({ min: 1, max: 4 }),
    }).map(({ change, ...rest }): Action => ({ ...rest, ...change })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("heartbeat" as const), lease: leaseIndex }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom({ kind: "rescue" as const }, { kind: "prune" as const }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pause" as const),
      queue: fc.constantFrom("q", "r"),
      paused: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("limit" as const),
      queue: fc.constantFrom("q", "r"),
      most: fc.constantFrom(1, 1, 2, null),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 5_000, LEASE_MS, RETENTION_MS),
    }),
  },
);

describe.each(places)("in a store at %s", (place) => {
  it(`any sequence of verbs does what the model says (SEED=${seed})`, async () => {
    const property = fc.asyncProperty(
      fc.array(action, { minLength: 5, maxLength: 60, size: "max" }),
      fc.boolean(),
      async (actions, watched) => {
        await using bench = await openBench(place);
        const cursor = watched ? await bench.store.feed.keep() : undefined;
        const model = new Model(bench.clock.now(), RETENTION_MS);
        await bench.store.schedules.put(scheduleRecord(bench.clock.now()), null);
        for (const step of actions) {
          const wanted = model.run(step);
          expect(await run(bench, step, model), JSON.stringify(step)).toEqual(wanted);
          await expectSame(bench, model);
        }
        if (cursor !== undefined) await expectTold(bench, cursor);
      },
    );
    await fc.assert(property, { seed, numRuns: place === "memory" ? 150 : 40 });
  }, 60_000);
});

/** The same step in the store; answers what {@linkcode Model.run} answers. */
async function run(bench: Bench, step: Action, model: Model): Promise<unknown> {
  const { store, clock } = bench;
  const { retentions } = rescueAll;
  switch (step.kind) {
    case "enqueue": {
      const { kind: _, scope, onConflict, via, ...terms } = step;
      const id = model.lastJob;
      const job = scope === undefined
        ? newJob(id, terms)
        : uniqueJob(id, { ...terms, scope, onConflict });
      if (via === "call") return (await store.enqueue([job])).duplicates?.get(id)?.id;
      const statements = await store.statements([job]);
      if (via === "commit") return await bench.batch(statements);
      const failing = { sql: "SELECT json('no')", args: [] };
      return void await expect(bench.batch([...statements, failing])).rejects.toThrow();
    }
    case "claim":
      return await claimIds(store, model.lastLease, step.queues, { limit: step.limit });
    case "settle": {
      const { id, queue, lease } = model.settling();
      const { retentionMs } = step;
      const handed = settlement(id, lease, outcomes[step.outcome], { queue, retentionMs });
      return (await settle(store, [handed], [lease])).lost.has(id);
    }
    case "commit": {
      const { id, queue, lease } = model.settling();
      const { retentionMs } = step;
      const statements = await store.statements([newJob(model.lastJob)]);
      const outcome = { ...outcomes.complete, statements };
      const handed = settlement(id, lease, outcome, { queue, retentionMs });
      return (await store.complete({ ...handed, outcome, repeated: false })).kind;
    }
    case "occur": {
      const atMs = clock.now();
      const { record } = await store.schedules.look("s");
      const stamp = step.stale ? "stale" : record!.stamp;
      const occurrences = [{ id: model.lastJob, atMs }];
      const move = { name: "s", stamp, nextRunMs: atMs + 1, occurrences };
      return (await store.schedules.move([move], model.stamp)).map(({ id }) => id);
    }
    case "cancel":
      return (await store.cancel(model.jobId(step.job), retentions)).changed;
    case "retry":
      return (await store.retry(model.jobId(step.job), null, 0)).changed;
    case "remove":
      return (await store.remove(model.jobId(step.job))).changed;
    case "many": {
      const { verb, queue, states } = step;
      const query = { queue, states };
      const ids = await store.fitting(query, "", step.limit);
      const changed = await store.changeMany({ verb, query, ids, retentions });
      return changed.map(({ id }) => id);
    }
    case "heartbeat": {
      const leases = [model.leaseId(step.lease)];
      return void await store.heartbeat({ leaseMs: LEASE_MS, leases, held: [] });
    }
    case "rescue":
      return (await store.rescue(rescueAll)).jobs.map(({ id }) => id).sort();
    case "prune":
      return (await store.prune("", 1_000)).removed;
    case "pause":
      return void await store.setPaused(step.queue, step.paused);
    case "limit":
      return void await store.setLimit(step.queue, step.most);
    case "wait":
      return void await clock.advance(step.ms);
  }
}

async function expectSame(bench: Bench, model: Model): Promise<void> {
  const { jobs, leases, tally } = await bench.tables();
  const found = Object.values(jobs).map((job) => ({
    ...{ id: job.id, queue: job.queue, state: job.state, attempt: job.attempt },
    ...{ lease: job.lease_id, runAt: job.run_at, expireAt: job.expire_at },
    scope: job.unique_scope,
  }));
  expect(found).toEqual(model.rows());
  expect(tally).toEqual(model.tally());
  expect(Object.keys(leases)).toEqual(model.leaseIds());
  const { queues: _, nextRunAt: __, ...counts } = await bench.store.stats();
  expect(counts).toEqual(model.counts());
}

/** The changes, one after the other, come to the jobs as they are. */
async function expectTold({ store, rows }: Bench, after: string): Promise<void> {
  const told = new Map<string, JobState>();
  const page = await store.feed.changes({ after, query: {}, limit: 10_000 });
  expect(page).toMatchObject({ lost: false, more: false });
  for (const { id, event, state } of page.changes) {
    if (event === "enqueued") expect(told.has(id)).toBe(false);
    else expect(told.has(id), `${event} of ${id}`).toBe(true);
    if (event === "removed") told.delete(id);
    else told.set(id, state);
  }
  const stand = await rows("SELECT id, state FROM errand_job ORDER BY id");
  expect([...told].sort()).toEqual(stand);
}
