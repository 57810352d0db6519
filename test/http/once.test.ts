// Changes by hand that are made once, however often the request comes.
import { describe, expect, it } from "vitest";
import { connect } from "../../src/client/mod.ts";
import { ErrandError } from "../../src/errors.ts";
import { createApi } from "../../src/http/mod.ts";
import { partsOf } from "../../src/parts.ts";
import { openWorkApi, type WorkApi } from "../support/work-api.ts";

const key = { headers: { "idempotency-key": "change-17" } };
const other = { headers: { "idempotency-key": "change-18" } };

/** Jobs of queue "idle" that have been cancelled. */
async function cancelled({ errand }: WorkApi, count: number): Promise<string[]> {
  const payloads = Array.from({ length: count }, (_, payload) => ({ task: "t", payload }));
  const jobs = await errand.enqueueMany(payloads.map((job) => ({ ...job, queue: "idle" })));
  await errand.cancelMany({ queue: "idle" });
  return jobs.map(({ id }) => id);
}

describe("a retry with a key", () => {
  it("makes its job live once, and then answers it as it stands", async () => {
    await using api = await openWorkApi();
    const [id] = await cancelled(api, 1);
    const retried: string[] = [];
    api.errand.on("retried", ({ job }) => void retried.push(job.id));
    const path = `/v1/jobs/${id}/retry`;
    expect(await api.send(path, { delay: 0 }, key)).toMatchObject({ body: { state: "available" } });
    await api.errand.cancel(id!);
    const again = await api.send(path, { delay: 0 }, key);
    expect(again).toMatchObject({ status: 200, body: { id, state: "cancelled" } });
    expect(await api.errand.stats()).toMatchObject({ available: 0, cancelled: 1 });
    expect(retried).toEqual([id]);
    expect(await api.send(path, { delay: 0 }, other))
      .toMatchObject({ body: { state: "available" } });
  });

  it("and another body, or another job, is a conflict and changes nothing", async () => {
    await using api = await openWorkApi();
    const [a, b] = await cancelled(api, 2);
    await api.send(`/v1/jobs/${a}/retry`, {}, key);
    const conflict = { status: 409, body: { code: "CONFLICT" } };
    expect(await api.send(`/v1/jobs/${a}/retry`, { delay: 5 }, key)).toMatchObject(conflict);
    expect(await api.send(`/v1/jobs/${b}/retry`, {}, key)).toMatchObject(conflict);
    expect(await api.send("/v1/jobs", { task: "t" }, key)).toMatchObject(conflict);
    expect(await api.errand.stats()).toMatchObject({ available: 1, cancelled: 1 });
  });

  it("that is refused may be sent again", async () => {
    await using api = await openWorkApi();
    const { id } = await api.errand.enqueue("t");
    const path = `/v1/jobs/${id}/retry`;
    expect(await api.send(path, {}, key)).toMatchObject({ status: 409 });
    await api.errand.cancel(id);
    expect(await api.send(path, {}, key)).toMatchObject({ status: 200 });
  });
});

describe("a change of many with a key", () => {
  it.each([
    ["cancel", { queue: "idle" }],
    ["retry", { queue: "idle", state: "cancelled" }],
    ["purge", { queue: "idle" }],
    ["remove", { queue: "idle" }],
  ])("to %s them is made once, and answered as the first time", async (verb, filter) => {
    await using api = await openWorkApi();
    const ids = await cancelled(api, 3);
    if (verb === "cancel") { for (const id of ids) await api.errand.retry(id); }
    const path = `/v1/jobs/${verb}`;
    const first = await api.send(path, { filter }, key);
    expect(first).toEqual({ status: 200, body: { count: 3 } });
    if (verb === "retry") await api.errand.cancelMany({ queue: "idle" });
    const before = await api.errand.stats();
    expect(await api.send(path, { filter }, key)).toEqual(first);
    expect(await api.errand.stats()).toEqual(before);
    expect(await api.send(path, { filter, limit: 5 }, key)).toMatchObject({ status: 409 });
  });

  it("removes a queue once", async () => {
    await using api = await openWorkApi();
    await cancelled(api, 3);
    const removed = { status: 200, body: { count: 3 } };
    const sending = { method: "DELETE", ...key };
    expect(await api.send("/v1/queues/idle", undefined, sending)).toEqual(removed);
    await cancelled(api, 1);
    expect(await api.send("/v1/queues/idle", undefined, sending)).toEqual(removed);
    expect(await api.errand.stats()).toMatchObject({ cancelled: 1 });
  });

  it("is waited for by who asks meanwhile", async () => {
    await using api = await openWorkApi();
    await cancelled(api, 3);
    const send = () => api.send("/v1/jobs/purge", { filter: { queue: "idle" } }, key);
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.map(({ body }) => body)).toEqual([{ count: 3 }, { count: 3 }, { count: 3 }]);
  });

  it("that was interrupted does the rest, unless that may be a second time", async () => {
    await using api = await openWorkApi();
    await cancelled(api, 3);
    const once = partsOf(api.errand).broker.api!;
    const { endOnce } = once;
    Object.assign(once, { endOnce: () => Promise.reject(new Error("the power went out")) });
    const filter = { queue: "idle", state: "cancelled" };
    expect((await api.send("/v1/jobs/retry", { filter }, key)).status).toBe(500);
    expect((await api.send("/v1/jobs/cancel", { filter: { queue: "idle" } }, other)).status)
      .toBe(500);
    Object.assign(once, { endOnce });
    expect(await api.send("/v1/jobs/retry", { filter }, key)).toMatchObject({ status: 503 });
    expect(await api.send("/v1/jobs/cancel", { filter: { queue: "idle" } }, other))
      .toEqual({ status: 200, body: { count: 0 } });
    expect(await api.errand.stats()).toMatchObject({ available: 0, cancelled: 3 });
  });

  it("that is limited is not done twice, whatever became of its answer", async () => {
    await using api = await openWorkApi();
    const jobs = Array.from({ length: 5 }, () => ({ task: "t", queue: "idle" }));
    await api.errand.enqueueMany(jobs);
    const once = partsOf(api.errand).broker.api!;
    const { endOnce } = once;
    Object.assign(once, { endOnce: () => Promise.reject(new Error("the power went out")) });
    const body = { filter: { queue: "idle" }, limit: 2 };
    expect((await api.send("/v1/jobs/cancel", body, key)).status).toBe(500);
    Object.assign(once, { endOnce });
    expect((await api.send("/v1/jobs/cancel", body, key)).status).toBe(503);
    expect(await api.errand.stats()).toMatchObject({ available: 3, cancelled: 2 });
  });

  it.each(["retry", "purge"])(
    "to %s them that found the database busy is made once it is free",
    async (verb) => {
      await using api = await openWorkApi();
      await cancelled(api, 3);
      const { broker } = partsOf(api.errand);
      const { changeMany } = broker;
      Object.assign(broker, {
        changeMany: () => Promise.reject(new ErrandError("DATABASE_BUSY", "Cannot write: locked")),
      });
      const body = { filter: { queue: "idle", state: "cancelled" } };
      expect((await api.send(`/v1/jobs/${verb}`, body, key)).status).toBe(503);
      Object.assign(broker, { changeMany });
      expect(await api.send(`/v1/jobs/${verb}`, body, key))
        .toEqual({ status: 200, body: { count: 3 } });
    },
  );

  it("that is refused may be sent again", async () => {
    await using api = await openWorkApi();
    await cancelled(api, 3);
    const bad = { filter: { queue: "idle", state: "running" } };
    expect(await api.send("/v1/jobs/purge", bad, key)).toMatchObject({ status: 400 });
    const good = { filter: { queue: "idle" } };
    expect(await api.send("/v1/jobs/purge", good, key)).toMatchObject({ body: { count: 3 } });
  });
});

it("an API over a client leaves it to the server of that, with keys of the client's own", async () => {
  await using api = await openWorkApi();
  const [id] = await cancelled(api, 3);
  const fetch =
    (of: (request: Request) => Response | Promise<Response>) => (url: string, init?: RequestInit) =>
      Promise.resolve(of(new Request(url, init)));
  const inner = createApi(api.errand, { open: true });
  await using between = connect({ url: "http://a.test", fetch: fetch((of) => inner.fetch(of)) });
  const outer = createApi(between, { open: true });
  await using client = connect({ url: "http://b.test", fetch: fetch((of) => outer.fetch(of)) });
  expect(await client.retry(id!)).toMatchObject({ state: "available" });
  expect(await client.cancelMany({ queue: "idle" })).toEqual({ count: 1 });
  expect(await client.queues.remove("idle")).toMatchObject({ count: 3 });
});
