// Ids that callers give to their jobs: sent again they add nothing, and no two jobs have one.
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { newId } from "../../src/id.ts";
import { partsOf } from "../../src/parts.ts";
import { ring } from "../support/keys.ts";
import { newJob, uniqueJob } from "../support/jobs.ts";
import { openWorkApi } from "../support/work-api.ts";
import { openBench, places } from "../support/store.ts";

const conflict = { status: 409, body: { code: "CONFLICT" } };

describe.each([["plain", {}], ["encrypted", { encryption: ring(1) }]])(
  "%s: an id",
  (_, options) => {
    it("that the same job has is answered as the first time", async () => {
      await using api = await openWorkApi(options);
      const job = { id: newId(), task: "t", payload: { a: [1, "b"], $enc: [0] } };
      const first = await api.send("/v1/jobs", job);
      expect(first.status).toBe(201);
      await api.errand.clock.advance("1h");
      expect(await api.send("/v1/jobs", job)).toEqual(first);
      expect(await api.errand.stats()).toMatchObject({ available: 1 });
    });

    it.each([{ task: "u" }, { queue: "other" }, { payload: { a: 2 } }])(
      "that another job has, one with %j, is a conflict, and adds nothing",
      async (more) => {
        await using api = await openWorkApi(options);
        const job = { id: newId(), task: "t", payload: { a: 1 } };
        await api.send("/v1/jobs", job);
        expect(await api.send("/v1/jobs", { ...job, ...more })).toMatchObject(conflict);
        const many = [{ task: "t" }, { ...job, ...more }, { id: newId(), task: "t" }];
        expect(await api.send("/v1/jobs", many)).toMatchObject(conflict);
        const headers = { "idempotency-key": "k" };
        expect(await api.send("/v1/jobs", many, { headers })).toMatchObject(conflict);
        expect(await api.errand.stats()).toMatchObject({ available: 1 });
        expect(await api.errand.get(job.id)).toMatchObject({ task: "t", payload: { a: 1 } });
      },
    );
  },
);

describe("an id", () => {
  it("of two jobs of a request is refused, with its place", async () => {
    await using api = await openWorkApi();
    const id = newId();
    const body = [{ id, task: "t" }, { task: "t" }, { id, task: "t" }];
    expect(await api.send("/v1/jobs", body)).toMatchObject({
      status: 400,
      body: {
        code: "INVALID_INPUT",
        issues: [{ message: "is the id of another job of this request", path: [2, "id"] }],
      },
    });
    expect(await api.errand.stats()).toMatchObject({ available: 0 });
  });

  it("of two requests at once is that of the first, and of the same one sent twice", async () => {
    await using api = await openWorkApi();
    const id = newId();
    const send = (payload: number) => api.send("/v1/jobs", [{ id, task: "t", payload }]);
    const answers = await Promise.all([
      send(1),
      send(2),
      send(1),
      api.send("/v1/jobs", {
        task: "t",
      }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([201, 409, 201, 201]);
    expect(await api.errand.stats()).toMatchObject({ available: 2 });
  });

  it("of two requests at once is one job's, unique ones' too", async () => {
    await using api = await openWorkApi();
    const id = newId();
    const send = (more: object) => api.send("/v1/jobs", { id, task: "t", ...more });
    const answers = await Promise.all([send({}), send({ task: "u", unique: true })]);
    expect(answers.map(({ status }) => status)).toEqual([201, 409]);
  });

  it("of a job that has changed its payload since is still its own", async () => {
    const grows = defineTask({ name: "grows", run: ({ update }) => update({ size: 2 }) });
    await using api = await openWorkApi({ tasks: [grows] });
    const job = { id: newId(), task: "grows", payload: { size: 1 } };
    await api.send("/v1/jobs", job);
    await api.errand.worker().drain();
    expect(await api.errand.get(job.id)).toMatchObject({
      state: "completed",
      payload: { size: 2 },
    });
    expect(await api.send("/v1/jobs", job)).toMatchObject({ status: 201, body: { id: job.id } });
    expect(await api.send("/v1/jobs", { ...job, queue: "q" })).toMatchObject(conflict);
  });

  it("of a unique job whose payload was replaced is still its own", async () => {
    await using api = await openWorkApi();
    const unique = { key: "k", onConflict: "replace" };
    const job = { id: newId(), task: "t", payload: 1, unique };
    await api.send("/v1/jobs", job);
    await api.send("/v1/jobs", { task: "t", payload: 2, unique });
    expect(await api.send("/v1/jobs", job)).toMatchObject({ status: 201, body: { id: job.id } });
    expect(await api.send("/v1/jobs", { ...job, task: "u" })).toMatchObject(conflict);
  });

  it("is added beside those that are there, with a key as without", async () => {
    await using api = await openWorkApi();
    const [a, b, c] = [1, 2, 3].map((payload) => ({ id: newId(), task: "t", payload }));
    await api.send("/v1/jobs", a);
    expect(await api.send("/v1/jobs", [a, b])).toMatchObject({ status: 201 });
    const headers = { "idempotency-key": "k" };
    const first = await api.send("/v1/jobs", [a, b, c], { headers });
    expect(first).toMatchObject({ status: 201, body: { jobs: [a, b, c] } });
    expect(await api.send("/v1/jobs", [a, b, c], { headers })).toEqual(first);
    expect(await api.errand.stats()).toMatchObject({ available: 3 });
  });

  it("of another job is none for a clone, nor for a job of a schedule", async () => {
    await using api = await openWorkApi();
    const [original, other] = [newId(), newId()];
    await api.send("/v1/jobs", { id: original, task: "t", payload: 1 });
    await api.send("/v1/jobs", { id: other, task: "u" });
    const clone = `/v1/jobs/${original}/clone`;
    expect(await api.send(clone, { id: other })).toMatchObject(conflict);
    const id = newId();
    const first = await api.send(clone, { id });
    expect(first).toMatchObject({ status: 201, body: { id, task: "t", payload: 1 } });
    expect(await api.send(clone, { id })).toEqual(first);
    expect(await api.send(clone, { id, payload: 2 })).toMatchObject(conflict);
    await api.errand.schedules.upsert("s", { task: "t", every: "1h" });
    expect(await api.send("/v1/schedules/s/run", { id: other })).toMatchObject(conflict);
    const run = { id: newId() };
    expect(await api.send("/v1/schedules/s/run", run)).toMatchObject({ status: 201 });
    expect(await api.send("/v1/schedules/s/run", run)).toMatchObject({ status: 201, body: run });
  });

  it("that nobody gave is not marked as given", async () => {
    await using api = await openWorkApi();
    const { broker } = partsOf(api.errand);
    const seen: unknown[] = [];
    const enqueue = broker.enqueue.bind(broker);
    broker.enqueue = (jobs) => (seen.push(...jobs.map(({ given }) => given)), enqueue(jobs));
    await api.send("/v1/jobs", [{ task: "t" }, { task: "t" }]);
    await api.errand.enqueueMany([{ task: "t" }]);
    expect(seen).toEqual([undefined, undefined, undefined]);
  });
});

describe.each(places)("in a store at %s", (place) => {
  it("given ids alone are looked for, and nothing is added when one is taken", async () => {
    await using bench = await openBench(place);
    const { store, statements } = bench;
    const looks = () => statements.filter(({ sql }) => sql.includes("ID_TAKEN")).length;
    expect(await store.enqueue([newJob("a")])).not.toHaveProperty("taken");
    expect(await store.enqueue([newJob("a")])).not.toHaveProperty("taken");
    expect(looks()).toBe(0);
    const given = { ...newJob("a"), given: "id" } as const;
    expect(await store.enqueue([given, newJob("b")])).toMatchObject({ taken: [{ id: "a" }] });
    const unique = { ...uniqueJob("a"), given: "id" } as const;
    expect(await store.enqueue([newJob("b"), unique])).toMatchObject({ taken: [{ id: "a" }] });
    expect(looks()).toBe(2);
    expect(await store.get("b")).toBeUndefined();
    expect(await store.enqueue([{ ...newJob("c"), given: "id" }])).not.toHaveProperty("taken");
    expect(await store.get("c")).toMatchObject({ id: "c" });
  });
});
