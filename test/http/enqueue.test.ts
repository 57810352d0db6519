// Adding jobs over HTTP.
import { describe, expect, it } from "vitest";
import * as v from "valibot";
import { defineTask } from "../../mod.ts";
import type { ApiToken } from "../../src/http/auth.ts";
import { type Kind, Kinds } from "../../src/http/kinds.ts";
import { newId } from "../../src/id.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { partsOf } from "../../src/parts.ts";
import { Tasks } from "../../src/tasks.ts";
import { caller } from "../support/api.ts";

const token = "0123456789abcdef";
const limited: readonly ApiToken[] = [
  { name: "images", token, scopes: ["admin"], queues: ["images"] },
];
const resize = defineTask({
  name: "resize",
  queue: "images",
  input: v.object({ width: v.pipe(v.number(), v.minValue(1, "is too narrow")) }),
  run: () => "done",
});

describe("one job", () => {
  it("is answered as it stands, and is there", async () => {
    await using errand = await testErrand();
    const body = {
      ...{ task: "t", payload: { a: [1, null] }, queue: "q", priority: 3, delay: "5m" },
      ...{ meta: { tenant: "acme" }, parentId: "p", retry: { maxAttempts: 2, delay: "1s" } },
      ...{ timeout: "10s", retention: "forever", onLeaseExpired: "fail" },
    };
    const answer = await caller(errand)("POST /v1/jobs", { body });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      ...{ task: "t", payload: { a: [1, null] }, queue: "q", priority: 3, state: "scheduled" },
      ...{ meta: { tenant: "acme" }, parentId: "p", maxAttempts: 2, enqueued: "inserted" },
    });
    const { enqueued: _, ...job } = answer.body;
    expect(JSON.parse(JSON.stringify(await errand.get(job.id)))).toEqual(job);
    expect(JSON.parse((await partsOf(errand).broker.policy(job.id))!)).toMatchObject({
      ...{ onLeaseExpired: "fail", timeoutMs: 10_000, retentionMs: null },
    });
  });

  it("of a task that was met before others were known is refused as any that is not known", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const status = async (task: string) => {
      const payload = { width: 1 };
      return (await send("POST /v1/jobs", { body: { task, payload } })).status;
    };
    expect([await status("wish"), await status("wish")]).toEqual([201, 201]);
    errand.register(resize);
    expect([await status("wish"), await status("resize")]).toEqual([400, 201]);
  });

  it("under an id of the caller's is added once, however often it is sent", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const body = { id: newId(), task: "t" };
    const answers = [await send("POST /v1/jobs", { body }), await send("POST /v1/jobs", { body })];
    expect(answers.map(({ status, body: { id } }) => [status, id])).toEqual([
      [201, body.id],
      [201, body.id],
    ]);
    expect((await errand.stats()).available).toBe(1);
  });

  it("that is like one that is there is answered with that one, as 200", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const body = { task: "t", payload: [1], unique: { key: "k" } };
    const first = await send("POST /v1/jobs", { body });
    const second = await send("POST /v1/jobs", { body: { ...body, payload: [2] } });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual({ ...first.body, enqueued: "duplicate" });
    const minimal = await send("POST /v1/jobs", { body, headers: { prefer: "return=minimal" } });
    expect([minimal.status, minimal.body]).toEqual([200, {
      ids: [first.body.id],
      createdAt: first.body.createdAt,
      duplicates: { 0: second.body },
    }]);
  });
});

describe("many jobs", () => {
  it("are all answered, in order", async () => {
    await using errand = await testErrand();
    const body = Array.from({ length: 1_000 }, (_, n) => ({ task: `t${n % 3}`, payload: n }));
    const answer = await caller(errand)("POST /v1/jobs", { body });
    expect(answer.status).toBe(201);
    expect(answer.body.jobs.map(({ payload }: { payload: number }) => payload))
      .toEqual(body.map(({ payload }) => payload));
  });

  it("are answered by their ids where that is preferred", async () => {
    await using errand = await testErrand();
    const id = newId();
    const answer = await caller(errand)("POST /v1/jobs", {
      body: [{ task: "t", id }, { task: "t" }],
      headers: { prefer: "respond-async, return=minimal; foo" },
    });
    expect(answer.headers.get("preference-applied")).toBe("return=minimal");
    expect(answer.body.ids).toEqual([id, (await errand.list({ limit: 1 })).jobs[0]!.id]);
    expect(answer.body.duplicates).toEqual({});
  });

  it("that say the same share one set of terms, also with those of other requests", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const terms = new Set<unknown>();
    const { broker } = partsOf(errand);
    const enqueue = broker.enqueue.bind(broker);
    broker.enqueue = (jobs) => {
      for (const job of jobs) terms.add(job.terms);
      return enqueue(jobs);
    };
    const send = caller(errand);
    const job = { task: "resize", payload: { width: 1 }, priority: 2 };
    await Promise.all([
      send("POST /v1/jobs", { body: [job, { ...job, id: newId() }] }),
      send("POST /v1/jobs", { body: { ...job, payload: { width: 2 } } }),
    ]);
    expect(terms.size).toBe(1);
    await send("POST /v1/jobs", { body: { ...job, priority: 3 } });
    expect(terms.size).toBe(2);
  });

  it("are refused for what is found first, also where a schema takes its time", async () => {
    const slow = defineTask({
      name: "slow",
      input: v.pipeAsync(v.string(), v.checkAsync(() => Promise.resolve(false), "is wrong")),
      run: () => {},
    });
    await using errand = await testErrand({ tasks: [slow] });
    const send = caller(errand);
    const body = [{ task: "slow", payload: "x" }, { task: "nope" }];
    const answer = await send("POST /v1/jobs", { body }); // and nothing is rejected unheard
    expect([answer.status, answer.body.issues[0].path]).toEqual([400, [1]]);
    const alone = await send("POST /v1/jobs", { body: body[0] });
    expect([alone.status, alone.body.issues]).toEqual([400, [
      { message: "is wrong", path: ["payload"] },
    ]]);
  });

  it("are at most 1,000", async () => {
    await using errand = await testErrand();
    const body = Array.from({ length: 1_001 }, () => ({ task: "t" }));
    const answer = await caller(errand)("POST /v1/jobs", { body });
    expect([answer.status, answer.body.issues]).toEqual([400, [
      { message: "has more than 1000 items", path: [] },
    ]]);
  });

  it.each([
    ["of a new kind", 0],
    ["of a kind that is known", 1],
  ])("%s are none when one of them is refused, and it is said which", async (_, before) => {
    await using errand = await testErrand({ tasks: [resize] });
    const send = caller(errand);
    const good = { task: "resize", payload: { width: 1 } };
    for (let sent = 0; sent < before; sent++) await send("POST /v1/jobs", { body: good });
    const refused: readonly (readonly [unknown, unknown[]])[] = [
      [{ task: "resize", payload: { width: 0 } }, [
        { message: "is too narrow", path: [1, "payload", "width"] },
      ]],
      [{ task: "nope" }, [{
        message: 'Cannot enqueue "nope": this Errand knows no such task, only resize; register it',
        path: [1],
      }]],
      [{ ...good, priority: 0.5 }, [
        { message: "is no whole number from -1000000 to 1000000", path: [1, "priority"] },
      ]],
      [{ ...good, delay: "soon" }, [
        {
          message: 'is no duration such as "250ms", "5s", "10m", "2h" or "7d"',
          path: [1, "delay"],
        },
      ]],
      [{ ...good, delay: 1, runAt: 1 }, [
        { message: 'Cannot enqueue "resize": delay and runAt exclude each other', path: [1] },
      ]],
      [{ ...good, runAt: "tomorrow" }, [{ message: expect.stringMatching(/instant/), path: [1] }]],
      [{ ...good, id: "x" }, [{ message: "is no UUIDv7 in lower case", path: [1, "id"] }]],
      [{ ...good, retry: { maxAttempts: 0 } }, [
        { message: "is no whole number from 1 to 1000", path: [1, "retry", "maxAttempts"] },
      ]],
      [{ ...good, more: 1 }, [{ message: "is not known here", path: [1, "more"] }]],
    ];
    for (const [bad, issues] of refused) {
      const answer = await send("POST /v1/jobs", { body: [good, bad] });
      expect([answer.status, answer.body.issues]).toEqual([400, issues]);
      const alone = await send("POST /v1/jobs", { body: bad });
      const paths = (issues as { path: unknown[] }[]).map(({ path }) => path.slice(1));
      expect(alone.status).toBe(400);
      expect(alone.body.issues?.map(({ path }: { path: unknown[] }) => path) ?? [[]])
        .toEqual(paths);
    }
    for (const bad of [[], [good, null], [good, [good]], Array(1_001).fill(good)]) {
      expect((await send("POST /v1/jobs", { body: bad })).status).toBe(400);
    }
    expect((await errand.stats()).available).toBe(before);
  });
});

describe("a task", () => {
  it("that is not known is taken where any is", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const send = caller(errand, { open: true, anyTask: true });
    expect((await send("POST /v1/jobs", { body: { task: "other" } })).status).toBe(201);
    const bad = await send("POST /v1/jobs", { body: { task: "resize", payload: { width: 0 } } });
    expect(bad.body.issues).toEqual([{ message: "is too narrow", path: ["payload", "width"] }]);
  });

  it("that is registered later is checked from then on", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const body = { task: "resize", payload: { width: 0 } };
    expect((await send("POST /v1/jobs", { body })).body.queue).toBe("default");
    errand.register(resize);
    expect((await send("POST /v1/jobs", { body })).status).toBe(400);
  });
});

describe("a token that is limited to a queue", () => {
  it("is not let through by what others have sent before", async () => {
    await using errand = await testErrand();
    const admin: ApiToken = { name: "admin", token: "fedcba9876543210", scopes: ["admin"] };
    const send = caller(errand, { tokens: [...limited, admin] });
    const body = { task: "t", queue: "other" };
    const sent = [admin.token!, token, admin.token!].map((token) => ({ token, body }));
    const answers = [];
    for (const sending of sent) answers.push(await send("POST /v1/jobs", sending));
    expect(answers.map(({ status }) => status)).toEqual([201, 403, 201]);
  });

  it("enqueues there only", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const send = caller(errand, { tokens: limited, anyTask: true });
    const status = async (body: unknown) => (await send("POST /v1/jobs", { token, body })).status;
    expect(await status({ task: "resize", payload: { width: 1 } })).toBe(201);
    expect(await status({ task: "other", queue: "images" })).toBe(201);
    expect(await status({ task: "other" })).toBe(403);
    expect(await status([{ task: "other", queue: "images" }, { task: "other" }])).toBe(403);
    expect((await errand.stats()).available).toBe(2);
  });

  it("is told of the first job that is wrong, whatever is wrong with later ones", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const send = caller(errand, { tokens: limited, anyTask: true });
    const later = { task: "other", queue: "images", delay: "1m", runAt: 0 };
    const answers = [
      await send("POST /v1/jobs", { token, body: [{ task: "other" }, later] }),
      await send("POST /v1/jobs", { token, body: [later, { task: "other" }] }),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [403, "FORBIDDEN"],
      [400, "INVALID_INPUT"],
    ]);
  });

  it("neither sees nor changes a job elsewhere that is like its own", async () => {
    await using errand = await testErrand();
    const secret = { payload: "secret", meta: { secret: 1 } };
    const unique = { key: "k" };
    const other = await errand.enqueue("t", secret.payload, { unique, meta: secret.meta });
    const send = caller(errand, { tokens: limited });
    const body = { task: "t", queue: "images", unique };
    const answer = await send("POST /v1/jobs", { token, body });
    expect(answer.body).toMatchObject({ id: other.id, enqueued: "duplicate", payload: null });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    for (const onConflict of ["replace", "reschedule"]) {
      const more = { ...body, payload: "mine", unique: { ...unique, onConflict } };
      expect((await send("POST /v1/jobs", { token, body: more })).status).toBe(403);
    }
    expect((await errand.get(other.id))?.payload).toBe("secret");
  });
});

describe("a clone", () => {
  it("is a new job with what the body says", async () => {
    await using errand = await testErrand();
    const { id } = await errand.enqueue("t", { a: 1 }, { priority: 4 });
    const send = caller(errand);
    const plain = await send(`POST /v1/jobs/${id}/clone`);
    expect([plain.status, plain.body]).toMatchObject([201, { payload: { a: 1 }, priority: 4 }]);
    const other = await send(`POST /v1/jobs/${id}/clone`, { body: { payload: 2, queue: "q" } });
    expect(other.body).toMatchObject({ payload: 2, queue: "q", priority: 4 });
    const unique = { key: "k" };
    const kept = await send(`POST /v1/jobs/${id}/clone`, { body: { unique } });
    const like = await send(`POST /v1/jobs/${id}/clone`, { body: { unique } });
    expect([kept.status, like.status, like.body.id]).toEqual([201, 200, kept.body.id]);
    expect((await send("POST /v1/jobs/x/clone")).status).toBe(404);
  });

  it("of another queue, or into one, is not for a limited token", async () => {
    await using errand = await testErrand();
    const [own, other] = [
      await errand.enqueue("t", 1, { queue: "images" }),
      await errand.enqueue("t"),
    ];
    const send = caller(errand, { tokens: limited });
    const status = async (id: string, body?: unknown) =>
      (await send(`POST /v1/jobs/${id}/clone`, { token, body })).status;
    expect([await status(own.id), await status(other.id)]).toEqual([201, 404]);
    expect(await status(own.id, { queue: "default" })).toBe(403);
    expect(await status(own.id, { unique: { key: "k", onConflict: "replace" } })).toBe(403);
  });
});

describe("kinds of jobs", () => {
  const kind = (): Kind => ({} as Kind);

  it("are made once, and not remembered without end", () => {
    const kinds = new Kinds(new Tasks());
    let made = 0;
    const of = (text: string) =>
      kinds.of({ task: "t", queue: text }, text, () => {
        made++;
        return kind();
      });
    for (let times = 0; times < 2; times++) of("a");
    expect(made).toBe(1);
    for (let n = 0; n < 1_000; n++) of(`other ${n}`);
    of("a");
    expect(made).toBe(1_002);
    for (let times = 0; times < 2; times++) of("x".repeat(1_001));
    expect(made).toBe(1_004);
  });

  it("are familiar to bodies that say the same beside a new id and a payload", () => {
    const kinds = new Kinds(new Tasks());
    const plain = kinds.of({ task: "t" }, "plain", kind);
    const late = kinds.of({ task: "t", priority: 1, delay: "5m" }, "late", kind);
    const familiar = (body: unknown) => kinds.familiar(body);
    expect(familiar({ task: "t" })).toBe(plain);
    expect(familiar({ id: newId(), task: "t", payload: { any: ["thing"] } })).toBe(plain);
    expect(familiar({ delay: "5m", payload: 1, task: "t", priority: 1 })).toBe(late);
    const others: readonly unknown[] = [
      ...[null, "t", 7, undefined, [], ["t"], {}, { task: "u" }, { task: 7 }, { task: ["t"] }],
      ...[{ task: "t", id: "1" }, { task: "t", id: null }, {
        task: "t",
        id: newId().toUpperCase(),
      }],
      ...[{ task: "t", priority: 1 }, { task: "t", priority: "1", delay: "5m" }],
      ...[{ task: "t", priority: 1, delay: "5m", queue: "q" }, { task: "t", odd: undefined }],
      JSON.parse(`{"task":"t","__proto__":{"priority":1}}`),
      JSON.parse(`{"task":"t","constructor":null}`),
    ];
    expect(others.filter((body) => familiar(body) !== undefined)).toEqual([]);
    const meta = { tenant: 1 };
    kinds.of({ task: "t", meta }, "with meta", kind);
    expect(familiar({ task: "t", meta })).toBeUndefined();
  });

  it("are made again when a task has become known", () => {
    const tasks = new Tasks();
    const kinds = new Kinds(tasks);
    const one = kinds.of({ task: "resize" }, "resize", kind);
    expect(kinds.familiar({ task: "resize" })).toBe(one);
    tasks.add([resize]);
    expect(kinds.familiar({ task: "resize" })).toBeUndefined();
    const two = kinds.of({ task: "resize" }, "resize", kind);
    expect(two).not.toBe(one);
    expect(kinds.familiar({ task: "resize" })).toBe(two);
  });

  it("are familiar as long as few others of the task come in between", () => {
    const kinds = new Kinds(new Tasks());
    const of = (priority: number) => kinds.of({ task: "t", priority }, `${priority}`, kind);
    const first = of(0);
    for (let priority = 1; priority < 16; priority++) of(priority);
    expect(kinds.familiar({ task: "t", priority: 0 })).toBe(first);
    of(16);
    expect(kinds.familiar({ task: "t", priority: 0 })).toBeUndefined();
    expect(of(0)).toBe(first); // checked once more, and made no more
    expect(kinds.familiar({ task: "t", priority: 0 })).toBe(first);
  });
});
