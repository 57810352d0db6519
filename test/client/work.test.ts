// What a worker's conversation with the store is over HTTP.
import { describe, expect, it } from "vitest";
import type { ClaimedJobBody } from "../../src/http/wire.ts";
import { HttpBroker } from "../../src/client/http-broker.ts";
import { requestSettings } from "../../src/client/options.ts";
import { Requests } from "../../src/client/requests.ts";
import type { Outcome, Settlement } from "../../src/outcome.ts";
import { fakeFetch, never, problem, type Sent, url } from "../support/fake-fetch.ts";

const lease = "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10";
const error = { code: "HANDLER", name: "Error", message: "no", attempt: 3, at: 5 } as const;

function brokerOver(answer: (sent: Sent) => Response) {
  const { fetch, sent } = fakeFetch(answer);
  return { broker: new HttpBroker(new Requests(requestSettings({ url, fetch }))), sent };
}

const settlement = (outcome: Outcome, rest: Partial<Settlement> = {}): Settlement => ({
  ...{ id: "job", queue: "images", lease, retentionMs: 1_000, outcome },
  ...rest,
});

interface Claims {
  readonly limit: number;
  readonly outcomes: readonly { readonly job: string; readonly result?: unknown }[];
}

/** Stores every outcome, and has no jobs. */
const stores = ({ body }: Sent): Response =>
  Response.json({
    jobs: [],
    outcomes: (body as Claims).outcomes.map(({ job }) => ({ job, stored: true })),
  });

const complete = (id: string, result: string): Settlement =>
  settlement({ kind: "complete", result }, { id });

describe("an exchange", () => {
  it.each<[Outcome, object]>([
    [{ kind: "complete", result: '{"a":1}' }, { outcome: "complete", result: { a: 1 } }],
    [{ kind: "complete", result: null }, { outcome: "complete", result: null }],
    [{ kind: "fail", error }, {
      ...{ outcome: "fail", retry: false },
      error: { code: "HANDLER", name: "Error", message: "no" },
    }],
    [{ kind: "retry", error, delayMs: 250 }, { outcome: "fail", retry: { delay: 250 } }],
    [{ kind: "snooze", delayMs: 9 }, { outcome: "snooze", delay: 9 }],
    [{ kind: "release" }, { outcome: "release" }],
    [{ kind: "release", delayMs: 7, error }, { outcome: "release", delay: 7 }],
  ])("hands in %j", async (outcome, expected) => {
    const { broker, sent } = brokerOver(stores);
    const request = { worker: "w", settlements: [settlement(outcome)], closedLeases: [lease] };
    expect(await broker.exchange(request)).toEqual({ jobs: [], lost: new Set() });
    expect(sent).toMatchObject([{
      ...{ method: "POST", path: "/v1/claims" },
      body: {
        ...{ worker: "w", limit: 0, close: [lease] },
        outcomes: [{ job: "job", lease, queue: "images", retention: 1_000, ...expected }],
      },
    }]);
  });

  it("claims under a lease of its own, and gives the jobs as they were stored", async () => {
    const own = { maxAttempts: 3, options: { timeoutMs: 5, schedule: { name: "s" } } };
    const job: ClaimedJobBody = {
      ...{ id: "a", lease, task: "resize", queue: "images", priority: 2, attempt: 1 },
      ...{ maxAttempts: 3, timeout: 5, payload: { n: [1] }, parentId: "p", own },
      ...{ runAt: "2030-01-01T00:00:00.000Z", createdAt: "2030-01-01T00:00:00.001Z" },
      meta: { tenant: "acme" },
    };
    const { broker, sent } = brokerOver(() =>
      Response.json({ jobs: [job], outcomes: [], nextDueIn: 12 })
    );
    const queues = [{ queue: "images", limit: 2_000 }, { queue: "b", limit: 1 }];
    const claim = { lease, leaseMs: 30_000, limit: 2_001, queues };
    const answer = await broker.exchange({ worker: "w", settlements: [], closedLeases: [], claim });
    expect(sent[0]?.body).toEqual({
      ...{ worker: "w", id: lease, lease: 30_000, limit: 1_000 },
      ...{ queues: { images: 1_000, b: 1 }, outcomes: [] },
    });
    expect(answer).toEqual({
      lost: new Set(),
      nextDueMs: 12,
      jobs: [{
        ...{ id: "a", lease, task: "resize", queue: "images", priority: 2, attempt: 1 },
        ...{ maxAttempts: 3, payload: '{"n":[1]}', parentId: "p", meta: '{"tenant":"acme"}' },
        ...{ runAtMs: 1_893_456_000_000, createdAtMs: 1_893_456_000_001 },
        options: '{"timeoutMs":5,"schedule":{"name":"s"}}',
      }],
    });
  });

  it("tells which outcomes came too late", async () => {
    const { broker } = brokerOver(() =>
      Response.json({
        jobs: [],
        outcomes: [
          { job: "a", stored: false, holder: { state: "running" } },
          { job: "b", stored: true },
        ],
      })
    );
    const settlements = [complete("a", "1"), complete("b", "1")];
    const answer = await broker.exchange({ worker: "w", settlements, closedLeases: [] });
    expect(answer.lost).toEqual(new Set(["a"]));
  });

  it("hands in more than one request takes in several, and claims with the last", async () => {
    const { broker, sent } = brokerOver(stores);
    const settlements = Array.from({ length: 1_001 }, (_, n) => complete(`job ${n}`, "1"));
    const claim = { lease, leaseMs: 1, limit: 1, queues: [{ queue: "q", limit: 1 }] };
    await broker.exchange({ worker: "w", settlements, closedLeases: [], claim });
    const bodies = sent.map(({ body }) => body as Claims);
    expect(bodies.map(({ limit, outcomes }) => [limit, outcomes.length])).toEqual([[0, 1_000], [
      1,
      1,
    ]]);
    expect(bodies.flatMap(({ outcomes }) => outcomes.map(({ job }) => job)))
      .toEqual(settlements.map(({ id }) => id));
  });

  it("hands in large results in bodies that a server takes", async () => {
    const { broker, sent } = brokerOver(stores);
    const result = JSON.stringify("ü".repeat(500_000));
    const settlements = Array.from({ length: 9 }, (_, n) => complete(`job ${n}`, result));
    await broker.exchange({ worker: "w", settlements, closedLeases: [] });
    expect(sent.map(({ body }) => (body as Claims).outcomes.length)).toEqual([4, 4, 1]);
    const bytes = sent.map(({ init }) => new TextEncoder().encode(String(init.body)).length);
    expect(Math.max(...bytes)).toBeLessThan(4 * 1024 * 1024);
  });

  it("gets along with something on the way that takes smaller bodies", async () => {
    const limit = 2_000;
    const { broker, sent } = brokerOver((one) =>
      String(one.init.body).length > limit ? new Response("", { status: 413 }) : stores(one)
    );
    const result = JSON.stringify("x".repeat(500));
    const settlements = Array.from({ length: 8 }, (_, n) => complete(`job ${n}`, result));
    const tooLarge = complete("too large", JSON.stringify("x".repeat(limit)));
    const request = { worker: "w", settlements: [...settlements, tooLarge], closedLeases: [lease] };
    await broker.exchange(request);
    const taken = sent.filter(({ init }) => String(init.body).length <= limit);
    const outcomes = taken.flatMap(({ body }) => (body as Claims).outcomes);
    expect(outcomes.map(({ job }) => job)).toEqual([...settlements, tooLarge].map(({ id }) => id));
    expect(outcomes.at(-1)).toMatchObject({
      ...{ outcome: "fail", retry: false },
      error: { message: expect.stringMatching(/^Cannot store the outcome: .* 413$/) },
    });
    expect(taken.at(-1)?.body).toMatchObject({ outcomes: [], close: [lease] });
  });

  it("saves the lines of a job under the ids that make saving them again harmless", async () => {
    const { broker, sent } = brokerOver((one) =>
      one.path === "/v1/claims" ? stores(one) : Response.json({ lost: [] })
    );
    const chunk = (id: string) => ({ id, lines: `[{"at":1,"attempt":1,"message":"${id}"}]` });
    const report = { payload: "1", progress: "2", logs: [chunk("a"), chunk("b"), chunk("c")] };
    const done = settlement({ kind: "complete", result: "3" }, { report });
    await broker.exchange({ worker: "w", settlements: [done], closedLeases: [] });
    const line = (message: string) => [{ at: 1, attempt: 1, message }];
    expect(sent.map(({ path, body }) => [path, body])).toMatchObject([
      ["/v1/leases/heartbeat", {
        leases: [],
        jobs: [
          { job: "job", lease, logs: line("a"), logsId: "a" },
          { job: "job", lease, logs: line("b"), logsId: "b" },
        ],
      }],
      ["/v1/claims", {
        outcomes: [{
          job: "job",
          payload: 1,
          progress: 2,
          result: 3,
          logs: line("c"),
          logsId: "c",
        }],
      }],
    ]);
  });
});

describe("a claim that waits", () => {
  it("ends the listening that nobody needs any more, as the server has one place for both", async () => {
    const { fetch, sent } = fakeFetch(() => never);
    const broker = new HttpBroker(new Requests(requestSettings({ url, fetch })));
    const listen = broker.onWork(() => {});
    listen(new Set(["q"]));
    await expect.poll(() => sent.length).toBe(1);
    listen(new Set()); // it goes on for a moment, should somebody listen again
    const patience = new AbortController();
    const claim = { lease, leaseMs: 1_000, limit: 1, queues: [{ queue: "q", limit: 1 }] };
    const request = { worker: "w", settlements: [], closedLeases: [], claim };
    const waiting = broker.exchange(request, patience.signal).catch(() => {});
    await expect.poll(() => sent.length).toBe(2);
    expect(sent.map(({ path, init }) => [path.split("?")[0], init.signal!.aborted])).toEqual([
      ["/v1/wakeups", true],
      ["/v1/claims", false],
    ]);
    patience.abort();
    await broker.close();
    await waiting;
  });
});

describe("a heartbeat", () => {
  it("prolongs leases, saves reports, and tells what is lost and asked for", async () => {
    const command = { kind: "stop", graceMs: 5, reason: null };
    const { broker, sent } = brokerOver(() =>
      Response.json({ lost: [{ job: "b", state: "cancelled" }], command })
    );
    const held = [
      { id: "a", queue: "q", lease, report: { progress: "1" } },
      { id: "b", queue: "q", lease },
    ];
    expect(await broker.heartbeat({ leaseMs: 30_000, leases: [lease], held })).toEqual({
      lost: [{ id: "b", state: "cancelled" }],
      command,
    });
    expect(sent[0]?.body).toEqual({
      ...{ leases: [lease], lease: 30_000 },
      jobs: [{ job: "a", lease, progress: 1 }, { job: "b", lease }],
    });
  });

  it("is sent for a worker that holds nothing", async () => {
    const { broker, sent } = brokerOver(() => Response.json({ lost: [] }));
    await broker.heartbeat({ leaseMs: 30_000, leases: [], held: [] });
    expect(sent[0]?.body).toEqual({ leases: [], lease: 30_000, jobs: [] });
  });
});

describe("a server that takes nothing, whatever is in it", () => {
  const refusing = () => brokerOver(() => problem(400, "No such thing", { code: "INVALID_INPUT" }));

  it("is asked to prolong leases without reports, and all of these stay to be saved", async () => {
    const { broker, sent } = refusing();
    const held = ["a", "b"].map((id) => ({ id, queue: "q", lease, report: { progress: "1" } }));
    await expect(broker.heartbeat({ leaseMs: 30_000, leases: [lease], held }))
      .rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(sent.map(({ body }) => (body as { readonly jobs: unknown }).jobs)).toEqual([
      [{ job: "a", lease, progress: 1 }, { job: "b", lease, progress: 1 }],
      [{ job: "a", lease }, { job: "b", lease }],
    ]);
  });

  it("is asked to take a failure for an outcome, and all of these stay to be stored", async () => {
    const { broker, sent } = refusing();
    const settlements = [complete("a", "1"), complete("b", "1")];
    await expect(broker.exchange({ worker: "w", settlements, closedLeases: [] }))
      .rejects.toMatchObject({ code: "INVALID_INPUT" });
    const [last] = (sent.at(-1)?.body as Claims).outcomes;
    expect(last).toMatchObject({ job: "a", outcome: "fail" });
    expect(sent.length).toBeLessThan(6);
  });
});

describe("an enqueue", () => {
  const terms = {
    ...{ task: "resize", queue: "images", priority: 3, runAtMs: null, delayMs: 0 },
    ...{ maxAttempts: null, parentId: null, options: null, meta: null },
  };
  const createdAt = "2030-01-01T00:00:00.000Z";
  const accepts = ({ body }: Sent): Response => {
    const ids = (body as { readonly id: string }[]).map(({ id }) => id);
    return Response.json({ ids, createdAt, duplicates: {} }, { status: 201 });
  };

  it("says everything, so that the server adds nothing of its own", async () => {
    const { broker, sent } = brokerOver(accepts);
    const options = JSON.stringify({
      ...{ timeoutMs: 5, retentionMs: null, onLeaseExpired: "fail" },
      retry: { delayMs: 7, backoff: "linear", maxDelayMs: 9, jitter: 0 },
    });
    const rule = { fields: ["a"], key: null, scope: "window", windowMs: 4, onConflict: "ignore" };
    const unique = rule as NonNullable<Parameters<typeof broker.enqueue>[0][0]["terms"]["unique"]>;
    const said = {
      ...{ ...terms, runAtMs: 8, parentId: "p", maxAttempts: 2, meta: '{"b":1}' },
      ...{ options, unique },
    };
    const answer = await broker.enqueue([
      { id: "1", payload: '{"a":1}', terms },
      { id: "2", payload: '"x"', terms: said },
    ]);
    expect(answer).toEqual({ createdAtMs: 1_893_456_000_000, duplicates: new Map() });
    expect(sent).toMatchObject([{ path: "/v1/jobs", headers: { prefer: "return=minimal" } }]);
    expect(sent[0]?.body).toEqual([
      {
        ...{ task: "resize", queue: "images", priority: 3, unique: false },
        ...{ id: "1", payload: { a: 1 } },
      },
      {
        ...{ task: "resize", queue: "images", priority: 3, runAt: 8, parentId: "p" },
        ...{ meta: { b: 1 }, timeout: 5, retention: "forever", onLeaseExpired: "fail" },
        retry: { maxAttempts: 2, delay: 7, backoff: "linear", maxDelay: 9, jitter: 0 },
        unique: { fields: ["a"], scope: "window", window: 4, onConflict: "ignore" },
        ...{ id: "2", payload: "x" },
      },
    ]);
  });

  it("goes in requests of 1,000 jobs, and tells duplicates by their jobs", async () => {
    const kept = { id: "kept", createdAt, runAt: createdAt, errors: [] };
    const { broker, sent } = brokerOver((one) => {
      if (sent.length === 1) return accepts(one);
      return Response.json({ ids: ["kept"], createdAt, duplicates: { 1: kept } });
    });
    const jobs = Array.from({ length: 1_002 }, (_, n) => ({ id: `${n}`, payload: "1", terms }));
    const { duplicates } = await broker.enqueue(jobs);
    expect(sent.map(({ body }) => (body as unknown[]).length)).toEqual([1_000, 2]);
    expect([...duplicates!]).toMatchObject([["1001", { id: "kept", runAt: new Date(createdAt) }]]);
  });

  it("that is refused adds nothing more", async () => {
    const { broker, sent } = brokerOver(() =>
      problem(403, "Cannot use queue", { code: "FORBIDDEN" })
    );
    const jobs = Array.from({ length: 1_001 }, (_, n) => ({ id: `${n}`, payload: "1", terms }));
    await expect(broker.enqueue(jobs)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(sent).toHaveLength(1);
  });
});
