// Heartbeats, the rows of workers and marks, as a worker of any language sends them.
import { describe, expect, it } from "vitest";
import type { ApiToken } from "../../src/http/auth.ts";
import type { BeatenBody } from "../../src/http/wire.ts";
import { newId } from "../../src/id.ts";
import { openWorkApi, type WorkApi } from "../support/work-api.ts";

async function claimed(api: WorkApi, count: number) {
  for (let n = 0; n < count; n++) await api.errand.enqueue("t", n);
  const { jobs, lease } = await api.claim({ limit: count });
  return { lease: lease!.id, ids: jobs.map(({ id }) => id) };
}

describe("a heartbeat", () => {
  it("prolongs a lease, saves what is said of its jobs, and tells how long it lasts", async () => {
    await using api = await openWorkApi();
    const { lease, ids: [id] } = await claimed(api, 1);
    await api.errand.clock.advance("20s");
    const jobs = [{ job: id, progress: { done: 7 }, payload: { next: 8 }, logs: ["one", "two"] }];
    const beaten = await api.beat(lease, { lease: "1m", jobs });
    const expiresAt = new Date(api.errand.clock.now() + 60_000).toISOString();
    expect(beaten).toEqual({ status: 200, body: { expiresAt, expiresIn: 60_000, lost: [] } });
    expect(await api.errand.get(id!)).toMatchObject({
      progress: { done: 7 },
      payload: { next: 8 },
    });
    expect((await api.errand.logs(id!)).map(({ message }) => message)).toEqual(["one", "two"]);
    expect(await api.parts.broker.api!.leaseLeftMs(lease)).toBe(60_000);
  });

  it("sent again saves its lines once, and those with an id by that", async () => {
    await using api = await openWorkApi();
    const { lease, ids: [job] } = await claimed(api, 1);
    const body = { jobs: [{ job, logs: ["one", "x".repeat(3_000)] }] };
    await api.beat(lease, body);
    await api.beat(lease, body);
    await api.beat(lease, { jobs: [{ job, logs: ["one"], logsId: "1" }] });
    await api.beat(lease, { jobs: [{ job, logs: ["one"], logsId: "1" }] });
    await api.beat(lease, { jobs: [{ job, logs: ["one"], logsId: "2" }] });
    const lines = await api.errand.logs(job!);
    expect(lines.map(({ message }) => message.length).sort()).toEqual([2_000, 3, 3, 3]);
  });

  it("brings word of jobs that were cancelled, taken over or removed", async () => {
    await using api = await openWorkApi();
    const { lease, ids: [a, b, c] } = await claimed(api, 3);
    await api.errand.cancel(a!);
    await api.errand.cancel(b!);
    await api.errand.remove(b!);
    expect((await api.beat(lease)).body.lost, "it listed none").toEqual([]);
    const { body } = await api.beat(lease, { jobs: [a, b, c].map((job) => ({ job })) });
    expect(body.lost).toEqual([{ job: a, state: "cancelled" }, { job: b, state: null }]);
    expect((await api.settle(lease, { job: c, outcome: "complete" })).status).toBe(200);
    expect(await api.parts.broker.api!.leaseLeftMs(lease)).toBeUndefined();
  });

  it("of an expired lease that was rescued is refused, and one of many is not", async () => {
    await using api = await openWorkApi();
    const { lease } = await claimed(api, 1);
    await api.errand.clock.advance("30s");
    await api.send("/v1/upkeep", {});
    expect(await api.beat(lease)).toMatchObject({ status: 409, body: { code: "LEASE_LOST" } });
    const many = { leases: [lease, newId()] };
    expect((await api.send("/v1/leases/heartbeat", many)).status).toBe(200);
  });

  it("for many leases says which job belongs to which", async () => {
    await using api = await openWorkApi();
    const first = await claimed(api, 1);
    const second = await claimed(api, 1);
    const leases = [first.lease, second.lease];
    const jobs = [
      { job: first.ids[0], lease: first.lease, progress: 1 },
      { job: second.ids[0], lease: second.lease, progress: 2 },
    ];
    await api.send("/v1/leases/heartbeat", { leases, jobs });
    expect(await api.errand.get(second.ids[0]!)).toMatchObject({ progress: 2 });
    const swapped = jobs.map(({ job }, index) => ({ job, lease: leases[1 - index], progress: 9 }));
    const { body } = await api.send<BeatenBody>("/v1/leases/heartbeat", { leases, jobs: swapped });
    expect(body.lost.map(({ state }) => state)).toEqual(["running", "running"]);
    expect(await api.errand.get(second.ids[0]!)).toMatchObject({ progress: 2 });
    const unsaid = { leases, jobs: [{ job: first.ids[0] }] };
    expect(await api.send("/v1/leases/heartbeat", unsaid)).toMatchObject({
      status: 400,
      body: { issues: [{ path: ["jobs", 0, "lease"] }] },
    });
  });
});

describe("a limited token", () => {
  const token = "0123456789abcdef";
  const tokens: readonly ApiToken[] = [
    { name: "root", token: `${token}-root`, scopes: ["admin"] },
    { name: "mine", token, scopes: ["work"], queues: ["mine", "more"] },
    { name: "same", token: `${token}-same`, scopes: ["work"], queues: ["more", "mine", "more"] },
    { name: "mail", token: `${token}-mail`, scopes: ["work"], queues: ["mail"] },
  ];
  const limited = { token };
  const root = { token: `${token}-root` };

  it("prolongs no lease that holds jobs of others", async () => {
    await using api = await openWorkApi({}, { tokens });
    for (const queue of ["mine", "other"]) await api.errand.enqueue("t", 1, { queue });
    const lease = async (queue: string) => (await api.claim({ queues: [queue] }, root)).lease!.id;
    const [own, other] = [await lease("mine"), await lease("other")];
    await api.errand.clock.advance("20s");
    const statuses = [[own], [other], [own, other]].map(async (leases) =>
      (await api.send("/v1/leases/heartbeat", { leases, lease: "1m" }, limited)).status
    );
    expect(await Promise.all(statuses)).toEqual([200, 403, 403]);
    expect((await api.send(`/v1/leases/${other}/heartbeat`, {}, limited)).status).toBe(403);
    const left = (of: string) => api.parts.broker.api!.leaseLeftMs(of);
    expect([await left(own), await left(other)]).toEqual([60_000, 10_000]);
  });

  it("beats for no worker that serves others", async () => {
    await using api = await openWorkApi({}, { tokens });
    const beat = async (id: string, queue: string, sending: typeof root) => {
      const worker = {
        ...{ id, name: "w", process: {}, concurrency: 1, state: "running", ageMs: 0 },
        queues: { [queue]: 1 },
      };
      return (await api.send("/v1/leases/heartbeat", { leases: [], worker }, sending)).status;
    };
    expect(await beat("w1", "other", root)).toBe(200);
    expect(await beat("w1", "mine", limited)).toBe(403);
    expect(await api.errand.workers.get("w1")).toMatchObject({ queues: { other: 1 } });
    expect(await beat("w2", "mine", limited)).toBe(200);
    expect(await beat("w2", "more", limited)).toBe(200);
  });

  it("has marks of its own, together with those of the same queues", async () => {
    await using api = await openWorkApi({}, { tokens });
    const path = "/v1/marks/run%20default";
    const held = async (more: string, body?: object) =>
      (await api.send(path, body, { token: `${token}${more}` })).body.held;
    const take = (more: string) => held(more, { holder: `me${more}`, for: "1h" });
    expect([await take(""), await take("-same"), await take("-mail")]).toEqual([true, false, true]);
    expect([await held("-same"), await held("-root")]).toEqual([true, false]);
    expect(await api.errand.run()).toMatchObject({ ran: true });
    const release = `${path}/release`;
    await api.send(release, { holder: "me" }, { token: `${token}-mail` });
    expect([await held(""), await take("-root")]).toEqual([true, true]);
    await api.send(release, { holder: "me" }, limited);
    expect([await held(""), await held("-mail"), await held("-root")]).toEqual([false, true, true]);
  });
});

describe("a worker", () => {
  const worker = {
    ...{ id: "py-1", name: "resizer", process: { host: "h", pid: 5 } },
    ...{ queues: { default: 4 }, concurrency: 4, state: "running", ageMs: 10.5 },
  };

  it("is listed by its heartbeats, hears what it is asked to do, and goes", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const beat = () => api.send<BeatenBody>("/v1/leases/heartbeat", { leases: [], worker });
    expect((await beat()).body).not.toHaveProperty("command");
    expect(await errand.workers.get("py-1")).toMatchObject({ name: "resizer", pid: 5 });
    expect(await api.send("/v1/workers/py-1/command")).toEqual({ status: 204, body: {} });
    await errand.workers.stop("py-1", { grace: "5s", reason: "deploy" });
    const command = { kind: "stop", graceMs: 5_000, reason: "deploy" };
    expect((await beat()).body.command).toEqual(command);
    expect((await api.send("/v1/workers/py-1/command")).body).toEqual(command);
    expect((await api.send("/v1/workers/py-1", undefined, { method: "DELETE" })).status).toBe(204);
    expect(await errand.workers.get("py-1")).toBeUndefined();
  });
});

describe("a mark", () => {
  it("is one holder's until it is released or expires", async () => {
    await using api = await openWorkApi();
    const take = async (holder: string, more = {}) =>
      (await api.send("/v1/marks/run%20x", { holder, for: "10s", ...more })).body.held;
    const held = async () => (await api.send("/v1/marks/run%20x")).body.held;
    expect(await take("a")).toBe(true);
    expect(await take("b")).toBe(false);
    expect([await take("a", { prolong: true }), await held()]).toEqual([true, true]);
    expect(await take("b", { prolong: true })).toBe(false);
    expect((await api.send("/v1/marks/run%20x/release", { holder: "b" })).body.held).toBe(false);
    expect(await held()).toBe(true);
    await api.errand.clock.advance("10s");
    expect([await held(), await take("b"), await held()]).toEqual([false, true, true]);
    await api.send("/v1/marks/run%20x/release", { holder: "b" });
    expect(await held()).toBe(false);
  });

  it("is kept while there is a job, where that is asked for", async () => {
    await using api = await openWorkApi();
    await api.send("/v1/marks/m", { holder: "a", for: "10s" });
    const release = () =>
      api.send("/v1/marks/m/release", { holder: "a", unless: { queues: ["default"] } });
    await api.errand.enqueue("t");
    expect((await release()).body.held).toBe(true);
    await api.claim();
    expect((await release()).body.held).toBe(false);
  });

  it("of the server's own, or for days, is nobody's to take", async () => {
    await using api = await openWorkApi();
    expect((await api.send("/v1/marks/prune", { holder: "a", for: "1s" })).status).toBe(403);
    expect((await api.send("/v1/marks/m", { holder: "a", for: "2h" })).status).toBe(400);
  });
});
