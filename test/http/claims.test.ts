// Claims and outcomes as a worker of any language sends them.
import { describe, expect, it } from "vitest";
import { newId } from "../../src/id.ts";
import { defineTask } from "../../src/task.ts";
import { caller } from "../support/api.ts";
import { openWorkApi } from "../support/work-api.ts";

const NEVER = "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10";

describe("a claim", () => {
  it("is answered with jobs, all that a worker needs to know of them, and the lease", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const payload = { text: '</script> \u2028 " \\', list: [1, { deep: null }] };
    const parent = await errand.enqueue("t", null, { queue: "other" });
    const job = await errand.enqueue("t", payload, {
      meta: { tenant: "acme" },
      priority: 5,
      parentId: parent.id,
      retry: { maxAttempts: 3 },
      timeout: "2s",
    });
    const { lease, jobs, outcomes } = await api.claim({ lease: "10s" });
    const now = errand.clock.now();
    expect(lease).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      expiresAt: new Date(now + 10_000).toISOString(),
      expiresIn: 10_000,
    });
    expect(outcomes).toEqual([]);
    expect(jobs).toEqual([{
      ...{ id: job.id, lease: lease!.id, task: "t", queue: "default", priority: 5, payload },
      ...{ attempt: 1, maxAttempts: 3, timeout: 2_000, meta: { tenant: "acme" } },
      ...{ runAt: job.runAt.toISOString(), createdAt: job.createdAt.toISOString() },
      parentId: parent.id,
      own: { maxAttempts: 3, options: { retry: { maxAttempts: 3 }, timeoutMs: 2_000 } },
    }]);
    expect(await errand.get(job.id)).toMatchObject({ state: "running", attempt: 1 });
  });

  it("without work is answered at once, with when there will be some", async () => {
    await using api = await openWorkApi();
    await api.errand.enqueue("t", null, { delay: "7s" });
    expect(await api.claim()).toEqual({ jobs: [], outcomes: [], nextDueIn: 7_000 });
  });

  it("takes what each queue may give, and no more than its limit", async () => {
    await using api = await openWorkApi();
    for (const queue of ["a", "a", "b", "b"]) await api.errand.enqueue("t", null, { queue });
    const { jobs } = await api.claim({ queues: { a: 1, b: 5 }, limit: 10 });
    expect(jobs.map(({ queue }) => queue)).toEqual(["a", "b", "b"]);
    expect((await api.claim({ queues: ["a", "a", "b"] })).jobs).toHaveLength(1);
  });

  it("from a paused queue gets nothing until it is resumed", async () => {
    await using api = await openWorkApi();
    await api.errand.enqueue("t");
    await api.errand.queues.pause("default");
    expect((await api.claim()).jobs).toEqual([]);
    await api.errand.queues.resume("default");
    expect((await api.claim()).jobs).toHaveLength(1);
  });

  it("sent again with its id is answered with the same jobs, and with what is left", async () => {
    await using api = await openWorkApi();
    for (let n = 0; n < 3; n++) await api.errand.enqueue("t", n);
    const id = newId();
    const first = await api.claim({ id, limit: 2 });
    await api.errand.clock.advance("4s");
    const again = await api.claim({ id, limit: 2, wait: "30s" });
    expect(again.jobs).toEqual(first.jobs);
    expect(again.lease).toEqual({ ...first.lease, expiresIn: 26_000 });
    expect((await api.errand.stats()).running).toBe(2);
  });

  it.each([
    ["no queues", { queues: undefined }],
    ["an empty list of queues", { queues: [] }],
    ["an id that is no UUIDv7", { id: "mine" }],
    ["too many jobs", { limit: 1_001 }],
    ["a lease of no time", { lease: 0 }],
    ["a lease of a week", { lease: "7d" }],
    ["a name that is none", { queues: { "a\nb": 1 } }],
    ["a word that is not known", { wiat: "30s" }],
  ])("with %s is refused", async (_, more) => {
    await using api = await openWorkApi();
    const { status, body } = await api.send("/v1/claims", {
      worker: "w",
      queues: ["default"],
      ...more,
    });
    expect([status, body.code]).toEqual([400, "INVALID_INPUT"]);
  });

  it("of a token that is limited to queues gets no other", async () => {
    const token = "a-secret-of-many-letters";
    const tokens = [{ name: "n", token, scopes: ["work"], queues: ["mine"] }] as const;
    await using api = await openWorkApi({}, { tokens });
    const mine = await api.errand.enqueue("t", null, { queue: "mine" });
    const other = await api.errand.enqueue("t", null, { queue: "other" });
    const claim = (queues: unknown) =>
      api.send("/v1/claims", { worker: "w", queues, limit: 5 }, { token });
    expect(await claim(["mine", "other"])).toMatchObject({ status: 403 });
    expect((await claim(["mine"])).body).toMatchObject({ jobs: [{ id: mine.id }] });
    const lease = newId();
    const { broker } = api.parts;
    const queues = [{ queue: "other", limit: 1 }];
    const claimed = { lease, leaseMs: 9_000, limit: 1, queues };
    await broker.exchange({ worker: "x", settlements: [], closedLeases: [], claim: claimed });
    const stolen = { worker: "w", queues: ["mine"], id: lease };
    expect(await api.send("/v1/claims", stolen, { token })).toMatchObject({ status: 403 });
    const outcome = { job: other.id, lease, outcome: "complete" };
    const handed = { worker: "w", limit: 0, outcomes: [outcome] };
    expect(await api.send("/v1/claims", handed, { token })).toMatchObject({ status: 403 });
    const report = { leases: [lease], jobs: [{ job: other.id, progress: 1 }] };
    expect(await api.send("/v1/leases/heartbeat", report, { token })).toMatchObject({
      status: 403,
    });
    expect(await api.errand.get(other.id)).toMatchObject({ state: "running" });
  });
});

describe("outcomes", () => {
  it("come with the next claim, in one transaction and one write", async () => {
    await using api = await openWorkApi();
    for (let n = 0; n < 4; n++) await api.errand.enqueue("t", n);
    const { jobs } = await api.claim({ limit: 3 });
    const [a, b, c] = jobs.map(({ id, lease }) => ({ job: id, lease }));
    const next = await api.claim({
      outcomes: [
        { ...a, outcome: "complete", result: { sum: 3 }, progress: 1, logs: ["done"] },
        { ...b, outcome: "snooze", delay: "1h" },
        { ...c, outcome: "release" },
      ],
    });
    expect(next.outcomes).toEqual([a, b, c].map((of) => ({ job: of!.job, stored: true })));
    expect(next.jobs.map(({ id }) => id)).toEqual([c!.job]);
    expect(await api.errand.get(a!.job)).toMatchObject({
      state: "completed",
      result: { sum: 3 },
      progress: 1,
    });
    const lines = await api.errand.logs(a!.job);
    expect(lines).toEqual([{ at: api.errand.clock.now(), attempt: 1, message: "done" }]);
    expect(await api.errand.get(b!.job)).toMatchObject({ state: "scheduled", attempt: 0 });
    expect(await api.errand.get(c!.job)).toMatchObject({ state: "running", attempt: 1 });
  });

  it("close their lease when they were its last, whoever hands them in", async () => {
    await using api = await openWorkApi();
    const { broker } = api.parts;
    for (let n = 0; n < 4; n++) await api.errand.enqueue("t", n);
    const { jobs, lease } = await api.claim({ limit: 2 });
    const left = async () => await broker.api!.leaseLeftMs(lease!.id) !== undefined;
    await api.settle(lease!.id, { job: jobs[0]!.id, outcome: "complete" });
    expect(await left()).toBe(true);
    await api.settle(lease!.id, { job: jobs[1]!.id, outcome: "fail", error: "no" });
    expect(await left()).toBe(false);
    const strange = newId(); // claimed elsewhere
    const queues = [{ queue: "default", limit: 2 }];
    const claim = { lease: strange, leaseMs: 9_000, limit: 2, queues };
    const other = await broker.exchange({
      ...{ worker: "x", settlements: [], closedLeases: [], claim },
    });
    const outcomes = other.jobs.map(({ id }) => ({ job: id, outcome: "complete" }));
    await api.settle(strange, outcomes);
    expect(await broker.api!.leaseLeftMs(strange)).toBeUndefined();
  });

  it("of a failure follow the job's policy, then its task's, then the default", async () => {
    const task = defineTask({
      name: "known",
      retry: { maxAttempts: 2, delay: (attempt) => attempt * 111, jitter: 0 },
      run() {},
    });
    await using api = await openWorkApi({ tasks: [task] }, { open: true, anyTask: true });
    const { errand } = api;
    const fail = async (job: { readonly id: string }) => {
      const { jobs, lease } = await api.claim();
      expect(jobs[0]!.id).toBe(job.id);
      await api.settle(lease!.id, { job: job.id, outcome: "fail", error: { message: "broke" } });
      const { state, runAt } = (await errand.get(job.id))!;
      return [state, runAt.getTime() - errand.clock.now()];
    };
    const own = await errand.enqueue(task, null, { retry: { delay: "3s", jitter: 0 } });
    expect(await fail(own)).toEqual(["scheduled", 3_000]);
    const known = await errand.enqueue(task, null);
    expect(await fail(known)).toEqual(["scheduled", 111]);
    await errand.clock.advance(111);
    expect(await fail(known)).toEqual(["failed", 0]);
    const { body } = await api.send("/v1/jobs", { task: "unknown" });
    const unknown = body as { readonly id: string };
    expect(await fail(unknown)).toEqual(["scheduled", 1_050]); // and half of a tenth of chance
  });

  it("of a failure may say whether and when there is another attempt", async () => {
    await using api = await openWorkApi();
    for (let n = 0; n < 2; n++) await api.errand.enqueue("t", n);
    const { jobs, lease } = await api.claim({ limit: 2 });
    const [a, b] = jobs.map(({ id }) => id);
    await api.settle(lease!.id, [
      { job: a, outcome: "fail", error: "no", retry: false },
      { job: b, outcome: "fail", error: "no", retry: { delay: "9s" } },
    ]);
    expect(await api.errand.get(a!)).toMatchObject({ state: "failed" });
    const { runAt } = (await api.errand.get(b!))!;
    expect(runAt.getTime() - api.errand.clock.now()).toBe(9_000);
  });

  it("of a failure are kept within bounds, with what is known of them", async () => {
    await using api = await openWorkApi();
    const { id } = await api.errand.enqueue("t");
    const { lease } = await api.claim();
    const error = {
      ...{ message: "m".repeat(9_000), name: "n".repeat(9_000), stack: "s".repeat(9_000) },
      code: "TIMEOUT",
    };
    await api.settle(lease!.id, { job: id, outcome: "fail", error });
    expect((await api.errand.get(id))!.error).toEqual({
      ...{ message: "m".repeat(2_000), name: "n".repeat(200), stack: "s".repeat(4_000) },
      ...{ code: "TIMEOUT", attempt: 1, at: api.errand.clock.now() },
    });
    await api.errand.clock.advance("2s");
    const again = await api.claim();
    const plain = { job: id, outcome: "fail", error: "plain", retry: false };
    await api.settle(again.lease!.id, plain);
    expect((await api.errand.get(id))!.error).toEqual({
      ...{ message: "plain", name: "Error", code: "HANDLER", attempt: 2 },
      at: api.errand.clock.now(),
    });
  });

  it("without retention remove their jobs, also when they are told twice", async () => {
    await using api = await openWorkApi();
    const { id } = await api.errand.enqueue("t", null, { retention: 0 });
    const { lease } = await api.claim();
    const outcome = { job: id, outcome: "complete", result: 5 };
    const first = await api.settle(lease!.id, outcome);
    expect(first).toEqual({ status: 200, body: { outcomes: [{ job: id, stored: true }] } });
    expect(await api.errand.get(id)).toBeUndefined();
    expect(await api.settle(lease!.id, outcome)).toEqual(first);
    const other = await api.errand.enqueue("t");
    const claimed = await api.claim();
    const kept = { job: other.id, outcome: "complete", retention: "1h" };
    await api.settle(claimed.lease!.id, kept);
    await api.errand.clock.advance("1h");
    await api.send("/v1/upkeep", {});
    expect(await api.errand.get(other.id)).toBeUndefined();
  });

  it("are told who holds the job now, and since when", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const { id } = await errand.enqueue("t");
    const first = await api.claim({ lease: "1s" });
    await errand.clock.advance("1s");
    await api.send("/v1/upkeep", {});
    const second = await api.claim({ worker: "the other" });
    expect(second.jobs[0]).toMatchObject({ id, attempt: 2 });
    const since = new Date(errand.clock.now()).toISOString();
    const holder = { state: "running", lease: second.lease!.id, worker: "the other", since };
    const outcome = { job: id, outcome: "complete" };
    expect(await api.settle(first.lease!.id, outcome)).toMatchObject({
      status: 409,
      body: { code: "LEASE_LOST", holder },
    });
    expect(await api.settle(first.lease!.id, [outcome])).toEqual({
      status: 200,
      body: { outcomes: [{ job: id, stored: false, holder }] },
    });
    await api.settle(second.lease!.id, outcome);
    const ended = { state: "completed", since };
    expect((await api.settle(first.lease!.id, outcome)).body).toMatchObject({ holder: ended });
    await errand.remove(id);
    expect((await api.settle(first.lease!.id, outcome)).body).toMatchObject({
      holder: { state: null },
    });
    expect(await api.settle(second.lease!.id, outcome)).toMatchObject({ status: 200 });
  });

  it("that were stored are so told again, whatever has become of the job since", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    for (let n = 0; n < 3; n++) await errand.enqueue("t", n);
    const { jobs, lease } = await api.claim({ limit: 3 });
    const [a, b, c] = jobs.map(({ id }) => id);
    const outcomes = [
      { job: a, outcome: "complete", result: 1 },
      { job: b, outcome: "fail", error: "again", retry: { delay: 0 } },
      { job: c, outcome: "release" },
    ];
    const first = await api.settle(lease!.id, outcomes);
    const others = await api.claim({ worker: "the other", limit: 3 });
    expect(others.jobs.map(({ id }) => id).sort()).toEqual([b, c].sort());
    expect(await api.settle(lease!.id, outcomes)).toEqual(first);
    expect((await errand.get(b!))!.errors).toHaveLength(1);
    expect((await errand.stats()).running).toBe(2);
  });

  it.each<[string, object, object, string]>([
    ["complete", {}, { outcome: "fail", error: "no", retry: false }, "completed"],
    ["snooze", { delay: "1h" }, { outcome: "complete" }, "scheduled"],
    ["snooze", { delay: 0 }, { outcome: "fail", error: "no", retry: false }, "available"],
    ["fail", { error: "no", retry: false }, { outcome: "release" }, "failed"],
  ])(
    "that are of another kind than the %s which was stored are not",
    async (outcome, rest, by, state) => {
      await using api = await openWorkApi();
      const { id: job } = await api.errand.enqueue("t");
      const lease = (await api.claim()).lease!.id;
      const stored = { job, outcome, ...rest };
      expect((await api.settle(lease, stored)).status).toBe(200);
      const another = caller(api.errand, { open: true }); // which has stored nothing itself
      const path = `POST /v1/leases/${lease}/outcomes`;
      const holder = { state };
      for (let n = 0; n < 2; n++) {
        const late = { job, ...by };
        expect(await api.settle(lease, late)).toMatchObject({ status: 409, body: { holder } });
        expect(await api.settle(lease, [late])).toMatchObject({
          status: 200,
          body: { outcomes: [{ job, stored: false, holder }] },
        });
        expect(await another(path, { body: late })).toMatchObject({
          status: 409,
          body: { holder },
        });
        expect((await api.settle(lease, stored)).status).toBe(200);
        expect((await another(path, { body: stored })).status).toBe(200);
      }
      expect(await api.errand.get(job)).toMatchObject({ state });
    },
  );

  it("that follow under one lease are told apart where the job cannot tell", async () => {
    await using api = await openWorkApi();
    const { id: job } = await api.errand.enqueue("t");
    const { lease } = await api.claim();
    const settle = (outcome: object) => api.settle(lease!.id, { job, ...outcome });
    expect((await settle({ outcome: "snooze", delay: 0 })).status).toBe(200);
    expect((await settle({ outcome: "release" })).status).toBe(409);
    expect((await settle({ outcome: "fail", error: "no", retry: { delay: 0 } })).status).toBe(409);
    await api.claim({ id: lease!.id }); // the lease is closed, so that this one is new
    expect((await settle({ outcome: "complete" })).status).toBe(200);
    expect(await api.errand.get(job)).toMatchObject({ state: "completed", errors: [] });
  });

  it("of one job under two leases are told apart", async () => {
    await using api = await openWorkApi();
    const { id } = await api.errand.enqueue("t");
    const first = await api.claim({ lease: "1s" });
    await api.errand.clock.advance("1s");
    await api.send("/v1/upkeep", {});
    const second = await api.claim();
    const outcome = (lease: string) => ({ job: id, lease, outcome: "complete" });
    const { outcomes } = await api.claim({
      limit: 0,
      outcomes: [outcome(first.lease!.id), outcome(second.lease!.id)],
    });
    expect(outcomes.map(({ stored }) => stored)).toEqual([false, true]);
  });

  const wrong: readonly [string, object][] = [
    ["told twice", { outcome: "complete", twice: true }],
    ["too large", { outcome: "complete", result: "x".repeat(2_000_000) }],
    ["of an unknown kind", { outcome: "finish" }],
    ["without its error", { outcome: "fail" }],
    ["with a delay that is none", { outcome: "snooze", delay: "soon" }],
    ["of a job whose id is none", { outcome: "complete", job: `a","b` }],
    ["with lines under an id that is none", { outcome: "complete", logs: ["x"], logsId: `","` }],
  ];
  it.each(wrong)("one of them %s refuses all, before anything is written", async (_, broken) => {
    await using api = await openWorkApi();
    for (let n = 0; n < 2; n++) await api.errand.enqueue("t", n);
    const { jobs } = await api.claim({ limit: 2 });
    const [a, b] = jobs.map(({ id, lease }) => ({ job: id, lease }));
    const { twice, ...rest } = broken as { readonly twice?: true };
    const bad = { ...b, ...rest };
    const { status, body } = await api.send("/v1/claims", {
      ...{ worker: "w", limit: 0 },
      outcomes: [{ ...a, outcome: "complete" }, bad, ...(twice ? [bad] : [])],
    });
    expect([400, 413]).toContain(status);
    expect(body.detail).toMatch(/^Cannot /);
    expect((await api.errand.stats()).running).toBe(2);
  });

  it("of a job that there is none of change nothing", async () => {
    await using api = await openWorkApi();
    const outcome = { job: NEVER, outcome: "complete" };
    expect(await api.settle(NEVER, outcome)).toMatchObject({
      status: 409,
      body: { code: "LEASE_LOST", holder: { state: null } },
    });
    expect(await api.parts.broker.stats()).toMatchObject({ completed: 0 });
  });

  it("wake those who wait for the job, and are told as events", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const heard: unknown[] = [];
    errand.on("started", (event) => heard.push(["started", event.worker]));
    errand.on("completed", (event) => heard.push(["completed", event.result, event.durationMs]));
    errand.on("lost", ({ reason }) => heard.push(["lost", reason]));
    const { id } = await errand.enqueue("t");
    const waited = errand.wait(id, { timeout: "1h" });
    const { lease } = await api.claim();
    await errand.clock.advance("2s");
    const outcome = { job: id, outcome: "complete", result: "well" };
    await api.settle(lease!.id, outcome);
    await api.settle(lease!.id, outcome);
    expect(await waited).toMatchObject({ state: "completed", result: "well" });
    const other = await errand.enqueue("t");
    const claimed = await api.claim();
    await errand.cancel(other.id);
    await api.settle(claimed.lease!.id, { job: other.id, outcome: "complete" });
    expect(heard).toEqual([
      ["started", "w"],
      ["completed", "well", 2_000],
      ["started", "w"],
      ["lost", "CANCELLED"],
    ]);
  });
});
