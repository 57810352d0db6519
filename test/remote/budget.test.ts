// What a server bills, by its own counters, with large backlogs beside the work.
import { createClient } from "@libsql/client/web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Usage } from "../../src/broker.ts";
import type { NewJob } from "../../src/job-terms.ts";
import { systemClock } from "../../src/clock.ts";
import { newId } from "../../src/id.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import {
  claim,
  LEASE_MS,
  newJob,
  outcomes,
  scheduleRecord,
  settlement,
  uniqueJob,
} from "../support/jobs.ts";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";

const BACKLOG = 100_000;
const CHUNK = 20_000;

/** Jobs that no worker of queue "q" has to do with: delayed, ended, of another queue. */
const BACKLOGS = [
  "'q', 'scheduled', 1e15, NULL, NULL",
  "'q', 'completed', 1, 1, NULL",
  "'other', 'available', 1, NULL, NULL",
];
const FILL = (columns: string) => `
  WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1)
  INSERT INTO errand_job (id, task, priority, payload, created_at,
    queue, state, run_at, ended_at, lease_id)
  SELECT printf('%s-%06d', ?3, i), 'task', 0, '1', 1, ${columns} FROM n`;

describe.runIf(offered("budgets over sqld", findSqld()))("beside 300,000 other jobs", () => {
  let server: Sqld;
  let store: Store;

  beforeAll(async () => {
    server = await startSqld();
    const limits = {
      synchronous: "full",
      busyTimeoutMs: 10_000,
      requestTimeoutMs: 60_000,
    } as const;
    store = await openStore({ url: server.url, clock: systemClock, ...limits });
    const client = createClient({ url: server.url });
    for (const [at, columns] of BACKLOGS.entries()) {
      for (let from = 0; from < BACKLOG; from += CHUNK) {
        const args = [BigInt(from), BigInt(CHUNK), `${at}`];
        await client.execute({ sql: FILL(columns), args });
      }
    }
    client.close();
  }, 120_000);

  afterAll(async () => {
    await store.close();
    await server[Symbol.asyncDispose]();
  });

  async function billed<T>(call: () => Promise<T>): Promise<Usage & { readonly answer: T }> {
    const before = store.usage!();
    const answer = await call();
    const after = store.usage!();
    return {
      answer,
      rowsRead: after.rowsRead - before.rowsRead,
      rowsWritten: after.rowsWritten - before.rowsWritten,
      requests: after.requests - before.requests,
    };
  }

  const jobs = (count: number): NewJob[] => Array.from({ length: count }, () => newJob(newId()));

  /** Ten batches of fifty through their whole life; rows written for each job. */
  async function lives(make: () => NewJob[]): Promise<number> {
    const batches = Array.from({ length: 10 }, make);
    const total = batches.flat().length;
    const all = await billed(async () => {
      for (const batch of batches) await store.enqueue(batch);
      let held: { readonly id: string; readonly lease: string }[] = [];
      for (let i = 0; i <= batches.length; i++) {
        const lease = newId();
        const answer = await store.exchange({
          worker: "w",
          settlements: held.map(({ id, lease }) => settlement(id, lease, outcomes.complete)),
          closedLeases: [...new Set(held.map(({ lease }) => lease))],
          claim: { lease, leaseMs: LEASE_MS, limit: 50, queues: [{ queue: "q", limit: 50 }] },
        });
        held = answer.jobs.map(({ id }) => ({ id, lease }));
      }
      expect(held).toEqual([]);
    });
    return all.rowsWritten / total;
  }

  it("the life of a plain job writes 4.1 rows at most", async () => {
    expect(await lives(() => jobs(50))).toBeLessThanOrEqual(4.1);
  });

  it("a unique key and an indexed field cost one row more each", async () => {
    let n = 0;
    const plain = await lives(() => jobs(50));
    const unique = await lives(() => jobs(50).map(({ id }) => uniqueJob(id, { key: `${n++}` })));
    await store.indexFields([{ task: "indexed", field: "at" }]);
    const payload = '{"at":5}';
    const indexed = await lives(() =>
      jobs(50).map(({ id }) => newJob(id, { task: "indexed", payload }))
    );
    expect([unique - plain, indexed - plain].map((more) => Math.round(more * 10) / 10))
      .toEqual([1, 1]);
  });

  it("an occurrence of a schedule costs two rows more than the job that it enqueues", async () => {
    const { schedules } = store;
    const nowMs = Date.now();
    const queue = "series";
    await schedules.put(scheduleRecord(nowMs, { queue }), null);
    const plain = await billed(() => store.enqueue([newJob(newId(), { queue })]));
    const occurrences = [{ id: newId(), atMs: nowMs }];
    const move = { name: "s", stamp: "first", nextRunMs: nowMs + 3_600_000, occurrences };
    const moved = await billed(() => schedules.move([move], "second"));
    expect([moved.answer.length, moved.requests]).toEqual([1, 1]);
    expect(moved.rowsWritten - plain.rowsWritten).toBe(2);
    const look = await billed(() => schedules.due({ limit: 100, functions: [], except: [] }));
    expect([look.answer.due, look.rowsWritten, look.requests]).toEqual([[], 0, 1]);
    expect(look.rowsRead).toBeLessThanOrEqual(4);
    await schedules.remove("s");
  });

  it("an idle look reads two rows and writes none, in one request", async () => {
    const { rowsRead, rowsWritten, requests } = await billed(() => store.glimpse(["q"]));
    expect([rowsRead, rowsWritten, requests]).toEqual([2, 0, 1]);
  });

  it("a thousand jobs are enqueued in one request", async () => {
    const { requests } = await billed(() => store.enqueue(jobs(1_000)));
    expect(requests).toBe(1);
  });

  it("a request that is remembered costs two rows more, in one request", async () => {
    const key = newId();
    const once = (of: readonly NewJob[]) =>
      billed(() => store.api.enqueueOnce({ key, hash: "h", keepMs: 60_000, jobs: of }));
    const plain = await billed(() => store.enqueue(jobs(10)));
    const first = await once(jobs(10));
    expect([first.answer.kind, first.requests]).toEqual(["stored", 1]);
    expect(first.rowsWritten - plain.rowsWritten).toBe(2);
    const again = await once(jobs(10));
    expect({ ...again.answer, kind: "stored" }).toEqual(first.answer);
    expect(again.answer.kind).toBe("repeated");
  });

  it("a limit is looked at in its own queue alone", async () => {
    const limited = newId();
    await store.setLimit(limited, 2);
    const more = { queue: limited };
    await store.enqueue([1, 2, 3].map(() => newJob(newId(), more)));
    const before = await billed(() => store.glimpse(["nothing here"]));
    expect(before.rowsRead).toBeLessThanOrEqual(2);
    expect((await claim(store, newId(), [limited])).jobs).toHaveLength(2);
    expect(await store.glimpse([limited])).toMatchObject({ available: false, limited: true });
  });

  it("a claim reads a few rows for each job, and is one request with the outcomes", async () => {
    await store.enqueue(jobs(100));
    const claimed = await billed(() => claim(store, newId()));
    const held = claimed.answer.jobs;
    expect(held).toHaveLength(100);
    expect(claimed.requests).toBe(1);
    expect(claimed.rowsRead).toBeLessThanOrEqual(12 * 100);
    const settlements = held.map(({ id, lease }) => settlement(id, lease, outcomes.complete));
    const handed = await billed(() =>
      store.exchange({ worker: "w", settlements, closedLeases: [held[0]!.lease] })
    );
    expect(handed.requests).toBe(1);
  });

  it("a heartbeat writes one row, however many jobs its lease holds", async () => {
    await store.enqueue(jobs(100));
    const { answer } = await billed(() => claim(store, newId()));
    const { lease } = answer.jobs[0]!;
    const held = answer.jobs.map(({ id }) => ({ id, lease, queue: "q" }));
    const request = { leaseMs: LEASE_MS, leases: [lease], held };
    const { rowsWritten, requests } = await billed(() => store.heartbeat(request));
    expect([rowsWritten, requests]).toEqual([1, 1]);
  });

  it("the counts of all states scan no history", async () => {
    const { rowsRead } = await billed(() => store.stats());
    expect(rowsRead).toBeLessThan(3.2 * BACKLOG); // live ones alone, the scheduled ones twice
  });
});
