// Changes to jobs over HTTP: as a stream, and page by page.
import { describe, expect, it } from "vitest";
import { createApi } from "../../src/http/app.ts";
import type { ApiTokens } from "../../src/http/auth.ts";
import type { ApiOptions } from "../../src/http/options.ts";
import { type FakeClock, testErrand } from "../../src/testing/mod.ts";
import type { ErrandVerbs } from "../../src/verbs.ts";
import { caller } from "../support/api.ts";

const token = "0123456789abcdef";
const tokens = [
  { name: "images", token, scopes: ["admin"], queues: ["images"] },
] as const;

interface Sent {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
}

/** A stream as a browser reads it. */
async function stream(
  errand: ErrandVerbs,
  path: string,
  headers: Record<string, string> = {},
  options: ApiOptions = { open: true },
) {
  const gone = new AbortController();
  const response = await createApi(errand, options).request(path, {
    headers: { accept: "text/event-stream", ...headers },
    signal: gone.signal,
  });
  const reader = response.body!.getReader(); // itself: a pipe would cancel it later
  const decoder = new TextDecoder();
  let text = "";
  return {
    response,
    gone,
    async block(): Promise<string | undefined> {
      while (!text.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
      const end = text.indexOf("\n\n");
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      return block;
    },
    async next(): Promise<Sent | undefined> {
      const block = await this.block();
      if (block === undefined) return undefined;
      const lines = block.split("\n").map((line) => line.split(/: (.*)/s) as [string, string]);
      return Object.fromEntries(lines.filter(([name]) => name !== ""));
    },
    cancel: () => reader.cancel(),
  };
}

/** Counts the timers that are set and not yet over. */
function counted(clock: FakeClock): () => number {
  const timers = new Set<object>();
  const timer = clock.timer.bind(clock);
  clock.timer = (delayMs, run) => {
    const one = {};
    timers.add(one);
    const cancel = timer(delayMs, () => {
      timers.delete(one);
      run();
    });
    return () => {
      timers.delete(one);
      cancel();
    };
  };
  return () => timers.size;
}

describe("a stream", () => {
  it("tells changes from now on, each with its cursor as its id", async () => {
    await using errand = await testErrand();
    await errand.enqueue("before");
    const events = await stream(errand, "/v1/events");
    expect(events.response.headers.get("content-type")).toBe("text/event-stream");
    expect(await events.next()).toMatchObject({ retry: "1000", id: expect.any(String) });
    const job = await errand.enqueue("t", { a: 1 });
    const { id, event, data } = (await events.next())!;
    expect([event, JSON.parse(data!)]).toMatchObject(["enqueued", {
      ...{ cursor: id, event: "enqueued", id: job.id, state: "available" },
      job: { payload: { a: 1 } },
    }]);
    await errand.cancel(job.id);
    expect((await events.next())?.event).toBe("cancelled");
    await events.cancel();
  });

  it.each(["header", "query"])("goes on after a cursor in the %s", async (place) => {
    await using errand = await testErrand();
    const first = await stream(errand, "/v1/events");
    const { id: cursor } = (await first.next())!;
    await first.cancel();
    const jobs = await errand.enqueueMany([{ task: "a" }, { task: "b" }]);
    const again = place === "header"
      ? await stream(errand, "/v1/events", { "last-event-id": cursor! })
      : await stream(errand, `/v1/events?after=${cursor}`);
    await again.next();
    for (const { id } of jobs) expect(JSON.parse((await again.next())!.data!).id).toBe(id);
    await again.cancel();
  });

  it("ends when its token is taken away, or may do something else", async () => {
    await using errand = await testErrand();
    const [first] = tokens;
    let known: ApiTokens = tokens;
    const headers = { authorization: `Bearer ${token}` };
    const options = { tokens: () => known as never };
    const taken = await stream(errand, "/v1/events?queue=images", headers, options);
    await taken.next();
    await errand.clock.advance("20s");
    expect(await taken.next()).toMatchObject({ id: expect.any(String) }); // it lives
    known = [];
    await errand.clock.advance("20s");
    expect((await taken.next())?.event).toBeUndefined(); // its last sign of life
    expect(await taken.next()).toBeUndefined();
    known = tokens;
    const other = await stream(errand, "/v1/events?queue=images", headers, options);
    known = [{ ...first, queues: ["mail"] }];
    await errand.clock.advance("20s");
    while (await other.next() !== undefined);
  });

  it("tells only what fits", async () => {
    await using errand = await testErrand();
    const events = await stream(errand, "/v1/events?queue=q&event=enqueued,cancelled&task=t");
    await events.next();
    await errand.enqueue("t");
    await errand.enqueue("u", 1, { queue: "q" });
    const { id } = await errand.enqueue("t", 1, { queue: "q" });
    expect(JSON.parse((await events.next())!.data!).id).toBe(id);
    await events.cancel();
  });

  it("sends a sign of life every 15 s, with how far it was looked", async () => {
    await using errand = await testErrand();
    const events = await stream(errand, "/v1/events?queue=q");
    const { id: begun } = (await events.next())!;
    const beat = events.block();
    await errand.enqueue("t");
    await errand.clock.advance("16s");
    const told = (await beat)!;
    expect(told).toMatch(/^:\nid: /);
    const again = events.block();
    await errand.clock.advance("15s");
    expect(await again).not.toContain(`id: ${begun}`);
    await events.cancel();
  });

  it("ends when who listens has gone, and leaves no timer behind", async () => {
    await using errand = await testErrand();
    const timers = counted(errand.clock);
    const events = await stream(errand, "/v1/events");
    await events.next();
    const ended = events.next();
    events.gone.abort();
    expect(await ended).toBeUndefined();
    const other = await stream(errand, "/v1/events");
    await other.next();
    await other.cancel();
    expect(timers()).toBe(0);
  });

  it("ends with a problem when the Errand closes", async () => {
    const errand = await testErrand();
    const events = await stream(errand, "/v1/events");
    await events.next();
    const last = events.next();
    await errand.enqueue("t");
    await last;
    const problem = events.next();
    await errand.close();
    expect(await problem).toMatchObject({ event: "problem" });
    expect(await events.next()).toBeUndefined();
  });

  it("after a cursor of another feed is none", async () => {
    await using errand = await testErrand();
    const other = "01a2224f-9f32-7526-bbfd-26c82a4e7077-5";
    for (const accept of ["text/event-stream", "application/json"]) {
      const answer = await caller(errand)(`GET /v1/events?after=${other}`, { headers: { accept } });
      expect([answer.status, answer.body.code]).toEqual([404, "NOT_FOUND"]);
      const bad = await caller(errand)("GET /v1/events?after=x", { headers: { accept } });
      expect(bad.status).toBe(400);
    }
  });

  it("of a limited token tells of its queue", async () => {
    await using errand = await testErrand();
    const authorization = `Bearer ${token}`;
    const events = await stream(errand, "/v1/events", { authorization }, { tokens });
    await events.next();
    await errand.enqueue("t");
    const { id } = await errand.enqueue("t", 1, { queue: "images" });
    expect(JSON.parse((await events.next())!.data!).id).toBe(id);
    await events.cancel();
    const other = await createApi(errand, { tokens }).request("/v1/events?queue=default", {
      headers: { authorization, accept: "text/event-stream" },
    });
    expect(other.status).toBe(403);
  });
});

describe("a page", () => {
  it("tells where to begin, then what came after", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const begun = (await send("GET /v1/events")).body;
    expect(begun).toEqual({ changes: [], cursor: expect.any(String), more: false });
    const jobs = await errand.enqueueMany([{ task: "a" }, { task: "b" }, { task: "c" }]);
    const first = (await send(`GET /v1/events?after=${begun.cursor}&limit=2`)).body;
    expect(first.changes.map(({ id }: { id: string }) => id)).toEqual(
      jobs.slice(0, 2).map(({ id }) => id),
    );
    expect(first.more).toBe(true);
    const rest = (await send(`GET /v1/events?after=${first.cursor}&limit=2`)).body;
    expect([rest.changes[0].id, rest.more]).toEqual([jobs[2]!.id, false]);
  });

  it("is answered once there is a change that fits", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const { cursor } = (await send("GET /v1/events")).body;
    const waiting = send(`GET /v1/events?after=${cursor}&wait=30s&task=t`);
    await errand.enqueue("u");
    const { id } = await errand.enqueue("t");
    const { changes } = (await waiting).body;
    expect(changes).toMatchObject([{ id, event: "enqueued" }]);
  });

  it("is answered empty after so long, and leaves no timer behind", async () => {
    await using errand = await testErrand();
    const timers = counted(errand.clock);
    const send = caller(errand);
    const { cursor } = (await send("GET /v1/events")).body;
    const waiting = send(`GET /v1/events?after=${cursor}&wait=5s`);
    await errand.stats();
    await errand.stats();
    await errand.clock.advance("5s");
    expect((await waiting).body).toEqual({ changes: [], cursor, more: false });
    expect(timers()).toBe(0);
  });
});
