// Looking for jobs, waiting for them and changing them over HTTP.
import { describe, expect, it } from "vitest";
import { defineTask, type Job } from "../../mod.ts";
import { createApi } from "../../src/http/app.ts";
import type { ApiToken } from "../../src/http/auth.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

const token = "0123456789abcdef";
const tokens: readonly ApiToken[] = [
  { name: "images", token, scopes: ["admin"], queues: ["images"] },
  { name: "both", token: `${token}-both`, scopes: ["admin"], queues: ["images", "mail"] },
];
const work = defineTask({
  name: "work",
  index: ["customer.id"],
  run({ log }) {
    log("begun");
    return { done: true };
  },
});
const ids = ({ jobs }: { jobs: readonly Job[] }) => jobs.map(({ id }) => id);

describe("a list", () => {
  it("has the jobs that fit, a page at a time", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const payload = { customer: { id: 7 } };
    const a = await errand.enqueue(work, payload, { queue: "q", meta: { tenant: "acme" } });
    const b = await errand.enqueue(work, {}, { parentId: a.id, delay: "1h" });
    const c = await errand.enqueue(work, {});
    const send = caller(errand);
    const found = async (query: string) => ids((await send(`GET /v1/jobs?${query}`)).body);
    expect(await found("")).toEqual([c.id, b.id, a.id]);
    expect(await found("order=oldest&limit=2")).toEqual([a.id, b.id]);
    expect(await found("state=scheduled,running")).toEqual([b.id]);
    expect(await found("queue=q")).toEqual([a.id]);
    expect(await found(`parentId=${a.id}`)).toEqual([b.id]);
    expect(await found("task=nope")).toEqual([]);
    expect(await found(`meta=${encodeURIComponent('{"tenant":"acme"}')}`)).toEqual([a.id]);
    expect(await found(`where=${encodeURIComponent('{"customer.id":7}')}`)).toEqual([a.id]);
    expect(await found(`createdBefore=${a.createdAt.getTime()}`)).toEqual([]);
    expect(await found(`createdAfter=${a.createdAt.toISOString()}`)).toHaveLength(3);
    const { cursor } = (await send("GET /v1/jobs?limit=2")).body;
    const rest = (await send(`GET /v1/jobs?limit=2&cursor=${cursor}`)).body;
    expect([ids(rest), rest.cursor]).toEqual([[a.id], undefined]);
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["state=open", "state", /is no list of scheduled, available/],
    ["limit=0", "limit", /from 1 to 1000/],
    ["limit=1e3", "limit", /from 1 to 1000/],
    ["order=random", "order", /newest, oldest/],
    ["meta={", "meta", /is no JSON/],
    ["meta=[1]", "meta", /is no object of texts/],
    ["nope=1", "nope", /is not known here/],
  ];

  it.each(bad)("by %s is refused, and it is said why", async (query, at, why) => {
    await using errand = await testErrand();
    const { status, body } = await caller(errand)(`GET /v1/jobs?${query}`);
    expect(status).toBe(400);
    expect(body.issues).toEqual([{ message: expect.stringMatching(why), path: [at] }]);
  });

  it("of a limited token has the jobs of its queue, one queue at a time", async () => {
    await using errand = await testErrand();
    const own = await errand.enqueue("t", 1, { queue: "images" });
    await errand.enqueue("t", 1);
    const send = caller(errand, { tokens });
    expect(ids((await send("GET /v1/jobs", { token })).body)).toEqual([own.id]);
    expect((await send("GET /v1/jobs?queue=default", { token })).status).toBe(403);
    const both = `${token}-both`;
    const unsaid = await send("GET /v1/jobs", { token: both });
    expect([unsaid.status, unsaid.body.issues]).toEqual([400, [{
      message: "this token is limited to images, mail: say which one is meant",
      path: ["queue"],
    }]]);
    expect(ids((await send("GET /v1/jobs?queue=images", { token: both })).body)).toEqual([own.id]);
  });
});

describe("jobs by their ids", () => {
  it("are those that there are", async () => {
    await using errand = await testErrand();
    const own = await errand.enqueue("t", 1, { queue: "images" });
    const other = await errand.enqueue("t");
    const body = { ids: [own.id, other.id, "x"] };
    expect(ids((await caller(errand)("POST /v1/jobs/get", { body })).body).sort())
      .toEqual([own.id, other.id]);
    const send = caller(errand, { tokens });
    expect(ids((await send("POST /v1/jobs/get", { token, body })).body)).toEqual([own.id]);
  });

  it("are at most 500", async () => {
    await using errand = await testErrand();
    const body = { ids: Array.from({ length: 501 }, (_, n) => String(n)) };
    for (const verb of ["get", "wait"]) {
      expect((await caller(errand)(`POST /v1/jobs/${verb}`, { body })).status).toBe(400);
    }
  });
});

describe("waiting for a job", () => {
  it("is answered when it has ended, without polling", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const { id } = await errand.enqueue(work);
    const send = caller(errand);
    const waiting = send(`GET /v1/jobs/${id}?wait=30s`);
    await using worker = errand.worker();
    await worker.drain();
    const { status, body } = await waiting;
    expect([status, body.state, body.result]).toEqual([200, "completed", { done: true }]);
    expect((await send(`GET /v1/jobs/${id}?wait=30s`)).body.state).toBe("completed");
    const { lines } = (await send(`GET /v1/jobs/${id}/logs`)).body;
    expect(lines).toMatchObject([{ attempt: 1, message: "begun" }]);
  });

  it("is answered with the job as it is after so long, at most the limit", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t");
    for (const [wait, limit] of [["500", "60s"], ["10m", "500ms"]] as const) {
      const send = caller(errand, { open: true, waitLimit: limit });
      const waiting = send(`GET /v1/jobs/${id}?wait=${wait}`);
      let ended = false;
      waiting.then(() => ended = true);
      await errand.clock.advance(499);
      expect(ended).toBe(false);
      await errand.clock.advance(10);
      expect((await waiting).body.state).toBe("available");
    }
  });

  it("ends when who waits has gone, or the Errand closes", async () => {
    const errand = await testErrand();
    const { id } = await errand.enqueue("t");
    const api = createApi(errand, { open: true });
    const gone = new AbortController();
    const waiting = api.request(`/v1/jobs/${id}?wait=30s`, { signal: gone.signal });
    await errand.get(id);
    gone.abort();
    expect((await waiting).status).toBe(499);
    const body = { ids: [id], wait: "30s" };
    const closing = [
      caller(errand)(`GET /v1/jobs/${id}?wait=30s`),
      caller(errand)("POST /v1/jobs/wait", { body }),
    ];
    await errand.get(id);
    await errand.close();
    for (const answer of await Promise.all(closing)) expect(answer.status).toBe(503);
  });

  it("is for one that there is", async () => {
    await using errand = await testErrand();
    const other = await errand.enqueue("t");
    expect((await caller(errand)("GET /v1/jobs/x?wait=1s")).status).toBe(404);
    const send = caller(errand, { tokens });
    for (const what of ["", "?wait=1s", "/logs"]) {
      expect((await send(`GET /v1/jobs/${other.id}${what}`, { token })).status).toBe(404);
    }
  });
});

describe("waiting for one of several", () => {
  it("is answered when one of them has ended, with those that have", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const first = await errand.enqueue(work);
    const later = await errand.enqueue(work, {}, { delay: "1h" });
    const body = { ids: [first.id, later.id, first.id], wait: "30s" };
    const waiting = caller(errand)("POST /v1/jobs/wait", { body });
    await using worker = errand.worker();
    await worker.drain();
    const answer = await waiting;
    expect([ids(answer.body), answer.body.missing]).toEqual([[first.id], []]);
  });

  it("is answered at once when there is none of one, or no wait", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t");
    const send = caller(errand);
    const ask = async (body: unknown) => (await send("POST /v1/jobs/wait", { body })).body;
    expect(await ask({ ids: [id] })).toEqual({ jobs: [], missing: [] });
    expect(await ask({ ids: [id, "x"], wait: "30s" })).toEqual({ jobs: [], missing: ["x"] });
  });

  it("is answered with those that were asked for, also where others look at the same time", async () => {
    await using errand = await testErrand();
    const [a, b] = await errand.enqueueMany([{ task: "t" }, { task: "t" }]);
    await errand.cancel(b!.id);
    const send = caller(errand);
    const ask = (id: string) => send("POST /v1/jobs/wait", { body: { ids: [id] } });
    const [first, second] = await Promise.all([ask(a!.id), ask(b!.id), ask("x")]);
    expect(first!.body).toEqual({ jobs: [], missing: [] });
    expect([ids(second!.body), second!.body.missing]).toEqual([[b!.id], []]);
  });

  it("is answered with nothing after so long", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t");
    const waiting = caller(errand)("POST /v1/jobs/wait", { body: { ids: [id], wait: "5s" } });
    await errand.get(id);
    await errand.clock.advance("5s");
    expect((await waiting).body).toEqual({ jobs: [], missing: [] });
  });

  it("of other queues is as if there were none", async () => {
    await using errand = await testErrand();
    const other = await errand.enqueue("t");
    const own = await errand.enqueue("t", 1, { queue: "images" });
    const body = { ids: [own.id, other.id], wait: "30s" };
    const answer = await caller(errand, { tokens })("POST /v1/jobs/wait", { token, body });
    expect(answer.body).toEqual({ jobs: [], missing: [other.id] });
  });
});

describe("by hand", () => {
  it("a job is cancelled, retried and removed", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t");
    const send = caller(errand);
    expect((await send(`POST /v1/jobs/${id}/cancel`)).body.state).toBe("cancelled");
    expect((await send(`POST /v1/jobs/${id}/cancel`)).status).toBe(200);
    const body = { delay: "1h" };
    expect((await send(`POST /v1/jobs/${id}/retry`, { body })).body.state).toBe("scheduled");
    const again = await send(`POST /v1/jobs/${id}/retry`);
    expect([again.status, again.body.code]).toEqual([409, "CONFLICT"]);
    expect((await send(`DELETE /v1/jobs/${id}`)).body.id).toBe(id);
    for (const what of ["DELETE /v1/jobs/x", "POST /v1/jobs/x/cancel", "POST /v1/jobs/x/retry"]) {
      expect((await send(what)).status).toBe(404);
    }
  });

  it("a limited token changes no job of another queue", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t");
    const send = caller(errand, { tokens });
    for (const what of ["POST *", "POST */cancel", "POST */retry", "DELETE *"].slice(1)) {
      const answer = await send(what.replace("*", `/v1/jobs/${id}`), { token });
      expect([what, answer.status]).toEqual([what, 404]);
    }
    expect((await errand.get(id))?.state).toBe("available");
  });
});

describe("many jobs", () => {
  it("are changed by a filter, or only counted", async () => {
    await using errand = await testErrand();
    await errand.enqueueMany([{ task: "t" }, { task: "t" }, { task: "u" }]);
    const send = caller(errand);
    const change = async (verb: string, body: unknown) =>
      (await send(`POST /v1/jobs/${verb}`, { body })).body;
    const filter = { task: "t" };
    expect(await change("cancel", { filter, dryRun: true })).toEqual({ count: 2 });
    const first = await change("cancel", { filter, limit: 1 });
    expect(first).toMatchObject({ count: 1, cursor: expect.any(String) });
    expect(await change("cancel", { filter, cursor: first.cursor })).toEqual({ count: 1 });
    const cancelled = { state: "cancelled" };
    expect(await change("retry", { filter: cancelled, limit: 1, delay: "1h" })).toMatchObject({
      count: 1,
    });
    expect((await errand.stats()).scheduled).toBe(1);
    expect(await change("purge", { filter: { all: true } })).toEqual({ count: 1 });
    expect(await change("remove", { filter: { state: ["available", "scheduled"] } }))
      .toEqual({ count: 2 });
  });

  it("are not changed without a condition", async () => {
    await using errand = await testErrand();
    await errand.enqueue("t", 1, { queue: "images" });
    for (const send of [caller(errand), caller(errand, { tokens })]) {
      for (const verb of ["purge", "cancel", "retry", "remove"]) {
        const answer = await send(`POST /v1/jobs/${verb}`, { token, body: { filter: {} } });
        expect([verb, answer.status]).toEqual([verb, 400]);
      }
    }
    expect((await errand.stats()).available).toBe(1);
  });

  it("of a limited token are those of its queue", async () => {
    await using errand = await testErrand();
    await errand.enqueue("t");
    await errand.enqueue("t", 1, { queue: "images" });
    const send = caller(errand, { tokens });
    const cancel = async (filter: unknown) => {
      const { status, body } = await send("POST /v1/jobs/cancel", { token, body: { filter } });
      return [status, body.count];
    };
    expect(await cancel({ queue: "default" })).toEqual([403, undefined]);
    expect(await cancel({ all: true })).toEqual([200, 1]);
    expect((await errand.stats()).queues.default?.available).toBe(1);
  });
});
