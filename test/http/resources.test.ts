// Queues, counts, schedules, workers and health over HTTP.
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { createApi } from "../../src/http/app.ts";
import type { ApiToken } from "../../src/http/auth.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { partsOf } from "../../src/parts.ts";
import type { ErrandVerbs } from "../../src/verbs.ts";
import type { WorkerBeat } from "../../src/worker-broker.ts";
import { caller } from "../support/api.ts";

const token = "0123456789abcdef";
const tokens: readonly ApiToken[] = [
  { name: "images", token, scopes: ["admin"], queues: ["images"] },
];
const work = defineTask({ name: "work", queue: "images", run: () => "done" });

/** The heartbeat of a worker in another process. */
async function beat(errand: ErrandVerbs, { id, queues }: Pick<WorkerBeat, "id" | "queues">) {
  const process = { host: "there" };
  const worker = { id, name: id, process, queues, concurrency: 1, state: "running", ageMs: 0 };
  const body = { leases: [], worker };
  expect((await caller(errand)("POST /v1/leases/heartbeat", { body })).status).toBe(200);
}

describe("queues", () => {
  it("are listed by name, with what they hold", async () => {
    await using errand = await testErrand();
    const { createdAt } = await errand.enqueue("t", 1, { queue: "b" });
    await errand.clock.advance("1s");
    await errand.enqueue("t", 1, { queue: "b" });
    const { runAt } = await errand.enqueue("t", 1, { queue: "b", delay: "1h" });
    await errand.queues.pause("a");
    const send = caller(errand);
    const { queues } = (await send("GET /v1/queues")).body;
    expect(queues).toMatchObject([
      { name: "a", paused: true, available: 0 },
      {
        ...{ name: "b", paused: false, available: 2, scheduled: 1 },
        ...{ availableSince: createdAt.toISOString(), nextRunAt: runAt.toISOString() },
      },
    ]);
    expect((await send("GET /v1/queues/b")).body).toEqual(queues[1]);
    expect((await send("GET /v1/queues/c")).status).toBe(404);
    expect((await send("GET /v1/queues/toString")).status).toBe(404);
  });

  it("are paused, resumed and removed, also those with odd names", async () => {
    await using errand = await testErrand();
    const queue = "a/b c?%";
    await errand.enqueue("t", 1, { queue });
    const send = caller(errand);
    const path = `/v1/queues/${encodeURIComponent(queue)}`;
    for (const [act, paused] of [["pause", true], ["pause", true], ["resume", false]] as const) {
      expect((await send(`POST ${path}/${act}`)).status).toBe(204);
      expect((await send(`GET ${path}`)).body.paused).toBe(paused);
    }
    expect((await send(`DELETE ${path}`)).body).toEqual({ count: 1 });
  });

  it("of a limited token are its own", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work, {}, { delay: "1h" });
    await errand.enqueue(work, {}, { queue: "other", delay: "1m" });
    const send = caller(errand, { tokens });
    const get = async (path: string) => (await send(`GET ${path}`, { token })).body;
    const { queues } = await get("/v1/queues");
    expect(queues.map(({ name }: { name: string }) => name)).toEqual(["images"]);
    const stats = await get("/v1/stats");
    expect(stats).toMatchObject({ scheduled: 1, nextRunAt: queues[0].nextRunAt });
    expect(Object.keys(stats.queues)).toEqual(["images"]);
    expect((await get("/v1/queues/other")).status).toBe(404);
    for (const what of ["POST */pause", "POST */resume", "DELETE *"]) {
      const answer = await send(what.replace("*", "/v1/queues/other"), { token });
      expect([what, answer.status]).toEqual([what, 403]);
    }
    expect((await send("POST /v1/queues/images/pause", { token })).status).toBe(204);
  });
});

describe("schedules", () => {
  it("are made, changed, paused, run and removed", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const send = caller(errand);
    const body = { task: "work", every: "1h", payload: { a: 1 }, retry: { maxAttempts: 2 } };
    const made = await send("PUT /v1/schedules/hourly", { body });
    expect([made.status, made.body]).toMatchObject([200, {
      ...{ name: "hourly", state: "active", everyMs: 3_600_000, queue: "images", runs: 0 },
    }]);
    const cron = { task: "work", cron: "0 6 * * 1-5", timeZone: "Europe/Berlin", overlap: "skip" };
    expect((await send("PUT /v1/schedules/hourly", { body: cron })).body)
      .toMatchObject({ cron: "0 6 * * 1-5", overlap: "skip" });
    expect((await send("POST /v1/schedules/hourly/pause")).body.state).toBe("paused");
    expect((await send("POST /v1/schedules/hourly/resume")).body.state).toBe("active");
    const run = await send("POST /v1/schedules/hourly/run");
    expect([run.status, run.body.task]).toEqual([201, "work"]);
    expect((await send("GET /v1/schedules/hourly")).body.name).toBe("hourly");
    expect((await send("DELETE /v1/schedules/hourly")).status).toBe(200);
    for (const what of ["GET *", "DELETE *", "POST */pause", "POST */resume", "POST */run"]) {
      const answer = await send(what.replace("*", "/v1/schedules/hourly"));
      expect([what, answer.status]).toEqual([what, 404]);
    }
  });

  it("are listed a page at a time", async () => {
    await using errand = await testErrand();
    for (const name of ["a", "b", "c"]) {
      await errand.schedules.upsert(name, { task: "t", every: "1h" });
    }
    const send = caller(errand);
    const names = (body: { schedules: readonly { name: string }[] }) =>
      body.schedules.map(({ name }) => name);
    const first = (await send("GET /v1/schedules?limit=2")).body;
    const rest = (await send(`GET /v1/schedules?limit=2&cursor=${first.cursor}`)).body;
    expect([names(first), names(rest), rest.cursor]).toEqual([["a", "b"], ["c"], undefined]);
  });

  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ["no task", { every: "1h" }, /body.task: is missing/],
    ["no rule", { task: "work" }, /exactly one|every|cron/],
    ["two rules", { task: "work", every: "1h", cron: "* * * * *" }, /every|cron/],
    ["a bad rule", { task: "work", cron: "often" }, /often/],
    ["a short rest", { task: "work", every: "1ms" }, /allowFast/],
    ["an unknown task", { task: "nope", every: "1h" }, /no such task/],
    ["an unknown member", { task: "work", every: "1h", delay: 1 }, /body.delay: is not known/],
  ];

  it.each(bad)("with %s are refused", async (_, body, why) => {
    await using errand = await testErrand({ tasks: [work] });
    const answer = await caller(errand)("PUT /v1/schedules/s", { body });
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringMatching(why)]);
  });

  it("of a limited token are those of its queue", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const every = "1h";
    await errand.schedules.upsert("other", { task: work, every, queue: "other" });
    const send = caller(errand, { tokens });
    const put = async (name: string, body: unknown) =>
      (await send(`PUT /v1/schedules/${name}`, { token, body })).status;
    expect(await put("own", { task: "work", every })).toBe(200);
    expect(await put("more", { task: "work", every, queue: "other" })).toBe(403);
    expect(await put("other", { task: "work", every })).toBe(403);
    const { schedules } = (await send("GET /v1/schedules", { token })).body;
    expect(schedules.map(({ name }: { name: string }) => name)).toEqual(["own"]);
    for (const what of ["GET *", "DELETE *", "POST */pause", "POST */resume", "POST */run"]) {
      const answer = await send(what.replace("*", "/v1/schedules/other"), { token });
      expect([what, answer.status]).toEqual([what, 404]);
    }
  });

  it("of others tell a limited token no queue when it wants their name", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.schedules.upsert("taken", { task: work, every: "1h", queue: "secret" });
    const body = { task: "work", every: "1h" };
    const answer = await caller(errand, { tokens })("PUT /v1/schedules/taken", { token, body });
    expect([answer.status, answer.body.code]).toEqual([403, "FORBIDDEN"]);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  });

  it("of a limited token fill pages, whose cursors name no other", async () => {
    await using errand = await testErrand({ tasks: [work] });
    for (const [at, queue] of ["other", "images", "other", "other", "images", "x"].entries()) {
      await errand.schedules.upsert(`s${at}`, { task: work, every: "1h", queue });
    }
    const send = caller(errand, { tokens });
    const page = async (query: string) => {
      const { schedules, cursor } = (await send(`GET /v1/schedules?${query}`, { token })).body;
      return [schedules.map(({ name }: { name: string }) => name), cursor];
    };
    expect(await page("limit=1")).toEqual([["s1"], "s1"]);
    expect(await page("limit=1&cursor=s1")).toEqual([["s4"], undefined]);
    expect(await page("limit=2")).toEqual([["s1", "s4"], undefined]);
  });
});

describe("workers", () => {
  it("are listed, and asked to end", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await using worker = errand.worker({ name: "w" });
    await worker.start();
    const send = caller(errand);
    const { workers } = (await send("GET /v1/workers?limit=1")).body;
    expect(workers).toMatchObject([{ name: "w", state: "running" }]);
    const path = `/v1/workers/${workers[0].id}`;
    expect((await send(`GET ${path}`)).body).toMatchObject({ name: "w" });
    expect((await send(`POST ${path}/drain`)).status).toBe(200);
    const ended = new Promise<unknown>((resolve) => errand.on("stopped", resolve));
    expect((await send(`POST ${path}/stop`, { body: { grace: "0s", reason: "deploy" } })).status)
      .toBe(200);
    expect(await ended).toMatchObject({ asked: "elsewhere", reason: "deploy" });
    for (const what of ["GET *", "POST */stop", "POST */drain"]) {
      expect((await send(what.replace("*", "/v1/workers/x"))).status).toBe(404);
    }
    const reason = "x".repeat(201);
    expect((await send(`POST ${path}/drain`, { body: { reason } })).status).toBe(400);
  });

  it("of a limited token serve its queues and no others", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await using own = errand.worker({ name: "own", queues: { images: 1 } });
    await using other = errand.worker({ name: "other", queues: { images: 1, mail: 1 } });
    await own.start();
    await other.start();
    const { workers } = await errand.workers.list();
    const id = workers.find(({ name }) => name === "other")!.id;
    const send = caller(errand, { tokens });
    const seen = (await send("GET /v1/workers", { token })).body.workers;
    expect(seen.map(({ name }: { name: string }) => name)).toEqual(["own"]);
    for (const what of ["GET *", "POST */stop", "POST */drain"]) {
      expect((await send(what.replace("*", `/v1/workers/${id}`), { token })).status).toBe(404);
    }
    expect((await send(`POST /v1/workers/${seen[0].id}/stop`, { token })).status).toBe(200);
  });

  it("of a limited token fill pages, whose cursors name no other", async () => {
    await using errand = await testErrand();
    for (const [at, queue] of ["mail", "images", "mail", "mail", "images", "x"].entries()) {
      await beat(errand, { id: `w${at}`, queues: { [queue]: 1 } });
    }
    const send = caller(errand, { tokens });
    const page = async (query: string) => {
      const { workers, cursor } = (await send(`GET /v1/workers?${query}`, { token })).body;
      return [workers.map(({ id }: { id: string }) => id), cursor];
    };
    expect(await page("limit=1")).toEqual([["w1"], "w1"]);
    expect(await page("limit=1&cursor=w1")).toEqual([["w4"], undefined]);
    expect(await page("limit=2")).toEqual([["w1", "w4"], undefined]);
  });

  it("of others are not a limited token's to forget, and hear their commands alone", async () => {
    await using errand = await testErrand();
    await beat(errand, { id: "own", queues: { images: 1 } });
    await beat(errand, { id: "other", queues: { images: 1, mail: 1 } });
    for (const id of ["own", "other"]) await errand.workers.stop(id, { reason: "secret" });
    const send = caller(errand, { tokens });
    const status = async (what: string) => (await send(what, { token })).status;
    expect(await status("GET /v1/workers/other/command")).toBe(404);
    expect(await status("DELETE /v1/workers/other")).toBe(404);
    expect(await errand.workers.get("other")).toBeDefined();
    expect(await status("GET /v1/workers/own/command")).toBe(200);
    for (const id of ["own", "nobody"]) {
      expect(await status(`DELETE /v1/workers/${id}`)).toBe(204);
      expect(await status(`GET /v1/workers/${id}/command`)).toBe(204);
    }
    expect(await errand.workers.get("own")).toBeUndefined();
  });
});

describe("health", () => {
  it("is that of the process, and that of the database", async () => {
    const errand = await testErrand();
    const send = caller(errand);
    expect((await send("GET /healthz")).body).toEqual({ status: "ok" });
    expect((await send("GET /readyz")).body).toEqual({ status: "ok" });
    await errand.close();
    expect((await send("GET /healthz")).status).toBe(200);
    const answer = await send("GET /readyz");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  });

  it("is bad when the database does not answer in 2 s", async () => {
    await using errand = await testErrand();
    partsOf(errand).broker.pruneCursor = () => new Promise(() => {});
    const asking = caller(errand)("GET /readyz");
    await Promise.resolve();
    await errand.clock.advance("2s");
    expect((await asking).status).toBe(503);
  });
});

describe("/run", () => {
  it("is served by the trigger that was given", async () => {
    await using errand = await testErrand();
    const run = (request: Request) => Promise.resolve(Response.json({ by: request.method }));
    const api = createApi(errand, { tokens, run });
    for (const method of ["GET", "POST"]) {
      const answer = await api.request("/run", { method });
      expect(await answer.json()).toEqual({ by: method });
    }
    expect((await caller(errand)("POST /run")).status).toBe(404);
  });
});
