// Requests that enqueue once, however often they are sent.
import { describe, expect, it } from "vitest";
import { Errand } from "../../src/errand.ts";
import { createApi } from "../../src/http/app.ts";
import { tempDir } from "../support/temp.ts";
import { openWorkApi, type WorkApi } from "../support/work-api.ts";

const key = { headers: { "idempotency-key": "order-17" } };

async function count({ errand }: WorkApi): Promise<number> {
  return (await errand.stats()).available;
}

describe("a request with a key", () => {
  it("adds its jobs once and is answered as the first time, also when they are gone", async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const job = { task: "t", payload: { a: 1 }, meta: { m: 1 }, delay: 0 };
    const first = await api.send("/v1/jobs", job, key);
    expect(first.status).toBe(201);
    await errand.clock.advance("1h");
    expect(await api.send("/v1/jobs", job, key)).toEqual(first);
    expect(await count(api)).toBe(1);
    await errand.remove(first.body.id as string);
    expect(await api.send("/v1/jobs", job, key)).toEqual(first);
    expect(await count(api)).toBe(0);
  });

  it("for many jobs is answered in whatever form it asks for", async () => {
    await using api = await openWorkApi();
    const jobs = [{ task: "t", unique: true }, { task: "t", unique: true }, { task: "u" }];
    const first = await api.send("/v1/jobs", jobs, key);
    const answered = first.body.jobs as { readonly id: string; readonly enqueued: string }[];
    expect(answered.map(({ enqueued }) => enqueued)).toEqual(["inserted", "duplicate", "inserted"]);
    expect(await api.send("/v1/jobs", jobs, key)).toEqual(first);
    const headers = { ...key.headers, prefer: "return=minimal" };
    const { body } = await api.send("/v1/jobs", jobs, { headers });
    expect(body.ids).toEqual(answered.map(({ id }) => id));
    expect(await count(api)).toBe(2);
  });

  it("is the same in whatever order its body says things", async () => {
    await using api = await openWorkApi();
    const first = await api.send("/v1/jobs", { task: "t", payload: 1, priority: 2 }, key);
    expect(await api.send("/v1/jobs", { priority: 2, payload: 1, task: "t" }, key)).toEqual(first);
    expect(await count(api)).toBe(1);
  });

  it("and another body is a conflict, and adds nothing", async () => {
    await using api = await openWorkApi();
    await api.send("/v1/jobs", { task: "t" }, key);
    expect(await api.send("/v1/jobs", { task: "t", priority: 1 }, key)).toMatchObject({
      status: 409,
      body: { code: "CONFLICT" },
    });
    expect(await count(api)).toBe(1);
  });

  it("is its token's own", async () => {
    const tokens = ["a", "b"].map((name) => ({
      ...{ name, token: `${name}-secret-of-many-letters`, scopes: ["enqueue"] as const },
    }));
    await using api = await openWorkApi({}, { tokens });
    for (const { token } of tokens) {
      const sent = await api.send("/v1/jobs", { task: "t" }, { ...key, token });
      expect(sent.status).toBe(201);
    }
    expect(await count(api)).toBe(2);
  });

  it("is kept for a day, and then by nobody", async () => {
    await using api = await openWorkApi();
    await api.send("/v1/jobs", { task: "t" }, key);
    await api.errand.clock.advance("24h");
    await api.send("/v1/upkeep", {});
    await api.send("/v1/jobs", { task: "t", priority: 1 }, key);
    expect(await count(api)).toBe(2);
  });

  it("that is refused, or fails, may be sent again", async () => {
    await using api = await openWorkApi();
    expect((await api.send("/v1/jobs", { task: "t", delay: "soon" }, key)).status).toBe(400);
    expect((await api.send("/v1/jobs", { task: "t" }, key)).status).toBe(201);
  });

  it.each(["", "a b", "ü", "x".repeat(256)])("that is %j is refused", async (text) => {
    await using api = await openWorkApi();
    const headers = { "idempotency-key": text };
    expect((await api.send("/v1/jobs", { task: "t" }, { headers })).status).toBe(400);
    expect(await count(api)).toBe(0);
  });

  it("wakes those who wait once, and tells of its jobs once", async () => {
    await using api = await openWorkApi();
    const heard: string[] = [];
    api.errand.on("enqueued", ({ job }) => heard.push(job.id));
    const { body } = await api.send("/v1/jobs", { task: "t" }, key);
    await api.send("/v1/jobs", { task: "t" }, key);
    expect(heard).toEqual([body.id]);
  });

  it("adds its jobs once also when several processes get it at once, and after restarts", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const send = async (errand: Errand): Promise<unknown> => {
      const answer = await createApi(errand, { open: true }).request("/v1/jobs", {
        method: "POST",
        headers: { "content-type": "application/json", ...key.headers },
        body: JSON.stringify({ task: "t", payload: "once" }),
      });
      return await answer.json();
    };
    const errands = await Promise.all([1, 2, 3].map(() => Errand.open({ url })));
    const [first, ...others] = await Promise.all([...errands, ...errands].map(send));
    expect(others).toEqual(others.map(() => first));
    for (const errand of errands) await errand.close();
    await using errand = await Errand.open({ url });
    expect(await send(errand)).toEqual(first);
    expect(await errand.stats()).toMatchObject({ available: 1 });
  });
});
