// Long polls for work, through the API.
import { describe, expect, it } from "vitest";
import { Errand } from "../../src/errand.ts";
import { ErrandError } from "../../src/errors.ts";
import { createApi } from "../../src/http/app.ts";
import { newId } from "../../src/id.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { tempDir } from "../support/temp.ts";
import { openWorkApi } from "../support/work-api.ts";

const NEWS = "/v1/wakeups?queues=default";

/** A signal, and how many listen to it. */
function counted(): { readonly signal: AbortSignal; readonly listeners: () => number } {
  const { signal } = new AbortController();
  const { addEventListener, removeEventListener } = signal;
  let listeners = 0;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  return { signal, listeners: () => listeners };
}

describe("what waits", () => {
  it.each([
    ["GET", "/v1/jobs/{id}?wait=1m", undefined],
    ["POST", "/v1/jobs/wait", { ids: ["{id}"], wait: "1m" }],
    ["POST", "/v1/claims", { worker: "w", queues: ["other"], wait: "1m" }],
    ["GET", "/v1/wakeups?queues=other&wait=1m", undefined],
    ["GET", "/v1/events?wait=1m", undefined],
    ["GET", "/v1/events", undefined],
  ])("leaves nothing behind at the server's end signal: %s %s", async (method, path, body) => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t", null, { delay: "1h" });
    const { signal: stopping, listeners } = counted();
    const api = createApi(errand, { open: true, stopping });
    const said = (text: string): string => text.replace("{id}", id);
    const isStream = path === "/v1/events";
    const answering = api.request(said(path), {
      method,
      headers: {
        ...(isStream && { accept: "text/event-stream" }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: said(JSON.stringify(body)) }),
    });
    await expect.poll(listeners).toBe(1);
    if (isStream) await (await answering).body!.cancel();
    await errand.clock.advance("2m");
    expect((await answering).status).toBe(200);
    expect(listeners()).toBe(0);
  });
});

it("a stream that cannot begin leaves nothing behind at the server's end signal", async () => {
  await using errand = await testErrand();
  const busy = new ErrandError("DATABASE_BUSY", "Cannot read: locked");
  Object.assign(errand, { watch: () => ({ begun: Promise.reject(busy) }) });
  const { signal: stopping, listeners } = counted();
  const api = createApi(errand, { open: true, stopping });
  const headers = { accept: "text/event-stream" };
  const answer = await api.request("/v1/events", { headers });
  expect([answer.status, listeners()]).toEqual([503, 0]);
});

describe("a claim that waits", () => {
  it("is answered once a job is enqueued, falls due, is put back or rescued", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const waits = async (happens: () => Promise<unknown>): Promise<string> => {
      const claimed = api.claim({ wait: "1m", lease: "1s" });
      await errand.clock.advance("10ms");
      await happens();
      await errand.clock.advance("10ms");
      const { jobs, outcomes } = await claimed;
      expect(outcomes).toEqual([]);
      return jobs[0]!.lease;
    };
    const first = await waits(() => errand.enqueue("t"));
    const job = (await api.claim({ id: first })).jobs[0]!.id;
    const second = await waits(() => api.settle(first, { job, outcome: "release" }));
    const third = await waits(() =>
      api.settle(second, { job, outcome: "snooze", delay: "5s" })
        .then(() => errand.clock.advance("5s"))
    );
    expect(await waits(() => errand.clock.advance("20s"))).not.toBe(third); // by the keeper
    expect(await errand.get(job)).toMatchObject({ attempt: 2 });
  });

  it("is over when it is made again under its id, and takes nothing after that", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const id = newId();
    const first = api.claim({ wait: "1m", id });
    await errand.clock.advance("10ms");
    const second = api.claim({ wait: "1m", id });
    expect(await first).toEqual({ jobs: [], outcomes: [] });
    expect(await api.claim({ id })).toEqual({ jobs: [], outcomes: [] });
    expect(await second).toEqual({ jobs: [], outcomes: [] });
    const job = await errand.enqueue("t");
    await errand.clock.advance("10ms");
    expect(await errand.get(job.id)).toMatchObject({ state: "available", attempt: 0 });
    const again = api.claim({ wait: "1m", id });
    await errand.clock.advance("10ms");
    expect((await again).jobs).toMatchObject([{ id: job.id, attempt: 1 }]);
    expect((await api.claim({ id, wait: "1m" })).jobs).toMatchObject([{ id: job.id, attempt: 1 }]);
  });

  it("hands its outcomes in at once, and tells of them in the end", async () => {
    await using api = await openWorkApi();
    const { id } = await api.errand.enqueue("t");
    const { lease } = await api.claim();
    const outcomes = [{ job: id, lease: lease!.id, outcome: "complete" }];
    const waiting = api.claim({ wait: "10s", outcomes });
    await api.errand.clock.advance("1s");
    expect(await api.errand.get(id)).toMatchObject({ state: "completed" });
    await api.errand.clock.advance("9s");
    expect(await waiting).toEqual({ jobs: [], outcomes: [{ job: id, stored: true }] });
  });

  it("gives back what was taken for a client that has gone", async () => {
    await using api = await openWorkApi();
    const gone = new AbortController();
    const { broker } = api.parts;
    const exchange = broker.exchange.bind(broker);
    let claims = 0;
    broker.exchange = async (request) => {
      const answer = await exchange(request);
      if (answer.jobs.length > 0 && ++claims === 1) gone.abort();
      return answer;
    };
    const claimed = api.claim({ wait: "1m" }, { signal: gone.signal }).catch(() => {});
    await api.errand.clock.advance("10ms");
    const { id } = await api.errand.enqueue("t");
    await api.errand.clock.advance("10ms");
    await claimed;
    expect(claims).toBe(1);
    expect(await api.errand.get(id)).toMatchObject({ state: "available", attempt: 0 });
  });

  it("under an id of its own keeps its jobs for whoever asks again", async () => {
    await using api = await openWorkApi();
    const gone = new AbortController();
    const { broker } = api.parts;
    const exchange = broker.exchange.bind(broker);
    broker.exchange = async (request) => {
      const answer = await exchange(request);
      if (answer.jobs.length > 0) gone.abort();
      return answer;
    };
    const { id: job } = await api.errand.enqueue("t");
    const id = newId();
    await api.claim({ id, wait: "1m" }, { signal: gone.signal }).catch(() => {});
    expect(await api.claim({ id, wait: "1m" })).toMatchObject({ jobs: [{ id: job, attempt: 1 }] });
  });

  it("reads nothing when it is known that there is nothing", async () => {
    await using api = await openWorkApi();
    const { broker } = api.parts;
    let exchanges = 0;
    const exchange = broker.exchange.bind(broker);
    broker.exchange = (request) => (exchanges++, exchange(request));
    const claims = [api.claim({ wait: "20s" })];
    await api.errand.clock.advance("1s");
    for (let n = 0; n < 50; n++) claims.push(api.claim({ wait: "20s" }));
    claims.push(api.claim({ wait: "20s", id: newId() }));
    await api.errand.clock.advance("1s");
    expect(exchanges).toBe(1);
    for (let n = 0; n < 52; n++) await api.errand.enqueue("t");
    await api.errand.clock.advance("1s");
    const answers = await Promise.all(claims);
    expect(answers.map(({ jobs }) => jobs.length)).toEqual(answers.map(() => 1));
  });

  it("waits no longer than the API lets it", async () => {
    await using api = await openWorkApi({}, { open: true, waitLimit: "5s" });
    const claimed = api.claim({ wait: "1h" });
    await api.errand.clock.advance("5s");
    expect(await claimed).toEqual({ jobs: [], outcomes: [] });
  });

  it("is answered when the server is about to stop", async () => {
    const stop = new AbortController();
    await using api = await openWorkApi({}, { open: true, stopping: stop.signal });
    const waits = [api.claim({ wait: "1m" }), api.send(`${NEWS}&wait=1m`)];
    await api.errand.clock.advance("1s");
    stop.abort();
    expect(await Promise.all(waits)).toMatchObject([{ jobs: [] }, { body: { work: false } }]);
  });

  it("is answered when the Errand closes", async () => {
    const api = await openWorkApi();
    const claimed = api.claim({ wait: "1m" });
    await api.errand.clock.advance("1s");
    await api.errand.close();
    expect(await claimed).toEqual({ jobs: [], outcomes: [] });
  });
});

describe("whoever waits for work", () => {
  it("hears of it, and of as much as there is", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    expect((await api.send(NEWS)).body).toMatchObject({ work: false });
    const told: number[] = [];
    const waits = [1, 2, 3].map(async (n) => {
      if ((await api.send(`${NEWS}&wait=10s`)).body.work) told.push(n);
    });
    await errand.clock.advance("1s");
    await errand.enqueueMany([{ task: "t" }, { task: "t" }]);
    await errand.clock.advance("10ms");
    expect(told).toEqual([1, 2]);
    await api.claim({ limit: 2 });
    await errand.clock.advance("10s");
    await Promise.all(waits);
    expect(told).toEqual([1, 2]);
  });

  it("misses nothing that happens between two requests", async () => {
    await using api = await openWorkApi();
    const waits = api.send(`${NEWS}&wait=10s`);
    await api.errand.clock.advance("10s");
    const { body } = await waits;
    expect(body).toMatchObject({ work: false });
    await api.errand.enqueue("t");
    const next = api.send(`${NEWS}&wait=10s&after=${body.after}`);
    await api.errand.clock.advance("10ms");
    expect((await next).body).toMatchObject({ work: true });
  });

  it("hears nothing of queues that are paused or full, until that ends", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    await errand.enqueueMany([{ task: "t" }, { task: "t" }]);
    await errand.queues.limit("default", 1);
    const { jobs, lease } = await api.claim({ limit: 5 });
    expect(jobs).toHaveLength(1);
    expect((await api.send(NEWS)).body).toMatchObject({ work: false });
    const waits = api.send(`${NEWS}&wait=10s`);
    await errand.clock.advance("10ms");
    await api.settle(lease!.id, { job: jobs[0]!.id, outcome: "complete" });
    await errand.clock.advance("10ms");
    expect((await waits).body).toMatchObject({ work: true });
    await errand.queues.pause("default");
    expect((await api.send(NEWS)).body).toMatchObject({ work: false });
  });

  it("of a queue that is not the token's is refused", async () => {
    const token = "a-secret-of-many-letters";
    const tokens = [{ name: "n", token, scopes: ["work"], queues: ["mine"] }] as const;
    await using api = await openWorkApi({}, { tokens });
    expect((await api.send(NEWS, undefined, { token })).status).toBe(403);
    expect((await api.send("/v1/wakeups?queues=mine", undefined, { token })).status).toBe(200);
  });

  it("hears of what other processes on the file commit", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using errand = await Errand.open({ url });
    await using other = await Errand.open({ url });
    const api = createApi(errand, { open: true });
    const waits = api.request(`${NEWS}&wait=30s`);
    const claims = api.request("/v1/claims", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ worker: "w", queues: ["second"], wait: "30s" }),
    });
    await other.enqueue("t");
    expect(await (await waits).json()).toMatchObject({ work: true });
    await other.enqueue("t", null, { queue: "second" });
    expect(await (await claims).json()).toMatchObject({ jobs: [{ queue: "second" }] });
  });
});
