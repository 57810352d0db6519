// The HTTP trigger, on the runtime's own server, and by itself.
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { createApi } from "../../src/http/app.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { httpTrigger } from "../../src/triggers/http.ts";
import { gate } from "../support/gate.ts";
import { listen } from "../support/listen.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({ name: "work", run: () => "done" });
const secret = "a secret of more than 16 characters";
const url = "https://example.test/run";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** As another library, or a script with openssl, would sign. */
function signed(
  body: string,
  { atMs, key = secret }: { readonly atMs: number; readonly key?: string | Uint8Array },
): Record<string, string> {
  const seconds = Math.floor(atMs / 1_000);
  const mac = createHmac("sha256", key).update(`id-1.${seconds}.${body}`).digest("base64");
  return {
    "webhook-id": "id-1",
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,${mac}`,
  };
}

describe("over the runtime's own server", () => {
  it("a request with the token runs what is due, in an Errand opened for it", async () => {
    await using dir = await tempDir();
    const place = { url: `file:${dir.file("errand.db")}`, tasks: [work] };
    await using errand = await Errand.open(place);
    await errand.enqueue(work);
    await using server = await listen(httpTrigger(place, { secret }));
    const answer = await fetch(server.url, { headers: bearer(secret) });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ ran: true, ended: "empty", completed: 1 });
  });

  it("a nudge starts it at once, signed", async () => {
    await using dir = await tempDir();
    const place = { url: `file:${dir.file("errand.db")}`, tasks: [work] };
    await using runner = await Errand.open(place);
    const trigger = httpTrigger(runner, { secret, accept: "signature" });
    await using server = await listen(trigger);
    await using errand = await Errand.open({ ...place, nudge: { url: server.url, secret } });
    const ran = gate();
    runner.on("ran", () => ran.open());
    const job = await errand.enqueue(work);
    await ran.opened;
    expect((await errand.get(job.id))?.state).toBe("completed");
  });

  it("a large body is not read to its end", async () => {
    await using errand = await testErrand();
    await using server = await listen(httpTrigger(errand, { secret }));
    const body = "x".repeat(20_000);
    const answer = await fetch(server.url, { method: "POST", body });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ status: 413, title: "Content Too Large" });
  });
});

describe("a request", () => {
  const clock = new FakeClock();
  const nowMs = clock.now();
  const post = (headers: HeadersInit, body = ""): Request =>
    new Request(url, { method: "POST", headers, body });

  const refused: readonly (readonly [string, Request, RegExp])[] = [
    ["nothing", new Request(url), /neither token nor signature/],
    ["another token", new Request(url, { headers: bearer(`${secret}!`) }), /its token is wrong/],
    ["the start of the token", new Request(url, { headers: bearer(secret.slice(0, 20)) }), /wrong/],
    ["another body", post(signed("a", { atMs: nowMs }), "b"), /its signature is wrong/],
    ["another key", post(signed("a", { atMs: nowMs, key: "b" }), "a"), /its signature is wrong/],
    ["an old signature", post(signed("", { atMs: nowMs - 301_000 })), /is too old/],
    ["one of the future", post(signed("", { atMs: nowMs + 301_000 })), /is too new/],
    [
      "another time",
      post({ ...signed("", { atMs: nowMs }), "webhook-timestamp": `${nowMs / 1_000 + 1}` }),
      /signature is wrong/,
    ],
    [
      "no number as time",
      post({ ...signed("", { atMs: nowMs }), "webhook-timestamp": "now" }),
      /signature is malformed/,
    ],
  ];

  it.each(refused)("with %s is refused before any database is opened", async (_, request, why) => {
    let opens = 0;
    const open = () => (opens++, { url: ":memory:" });
    const answer = await httpTrigger(open, { secret, clock })(request);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(await answer.json()).toEqual({
      ...{ status: 401, title: "Unauthorized", code: "UNAUTHORIZED" },
      detail: expect.stringMatching(why),
    });
    expect(opens).toBe(0);
  });

  const accepted: readonly (readonly [string, Record<string, string>])[] = [
    ["the token", bearer(secret)],
    ["a signature", signed("a", { atMs: nowMs })],
    ["one of a clock that is a little off", signed("a", { atMs: nowMs - 299_000 })],
    ["several signatures, one of them right", {
      ...signed("a", { atMs: nowMs }),
      "webhook-signature": `v1,AAAA v2,x ${signed("a", { atMs: nowMs })["webhook-signature"]}`,
    }],
  ];

  it.each(accepted)("with %s is served", async (_, headers) => {
    const answer = await httpTrigger({ url: ":memory:", tasks: [work] }, { secret, clock })(
      post(headers, "a"),
    );
    expect([answer.status, await answer.json()]).toMatchObject([200, { ran: true }]);
  });

  it("is served only by the way that is accepted", async () => {
    const ways = { signature: signed("", { atMs: nowMs }), bearer: bearer(secret) };
    for (const accept of ["signature", "bearer"] as const) {
      for (const [way, headers] of Object.entries(ways)) {
        const trigger = httpTrigger({ url: ":memory:" }, { secret, clock, accept });
        expect((await trigger(post(headers))).status).toBe(way === accept ? 200 : 401);
      }
    }
  });

  it("may be signed with the bytes that a whsec_ secret stands for", async () => {
    const key = new Uint8Array(32).fill(7);
    const trigger = httpTrigger({ url: ":memory:" }, {
      ...{ clock, secret: `whsec_${Buffer.from(key).toString("base64")}` },
    });
    expect((await trigger(post(signed("", { atMs: nowMs, key })))).status).toBe(200);
  });

  it("by another method is refused with the methods there are", async () => {
    for (const method of ["PUT", "HEAD", "DELETE"]) {
      const request = new Request(url, { method, headers: bearer(secret) });
      const answer = await httpTrigger({ url: ":memory:" }, { secret })(request);
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, POST"]);
      expect(await answer.json()).toMatchObject({ status: 405, title: "Method Not Allowed" });
    }
  });

  it("that comes while another one is served starts nothing", async () => {
    const [started, goOn] = [gate(), gate()];
    const wait = defineTask({
      name: "wait",
      async run() {
        started.open();
        await goOn.opened;
      },
    });
    await using errand = await testErrand({ tasks: [wait] });
    await errand.enqueue(wait);
    const trigger = httpTrigger(errand, { secret, clock });
    const first = trigger(post(signed("", { atMs: nowMs })));
    await started.opened;
    const second = await trigger(post(bearer(secret)));
    expect([second.status, await second.json()]).toEqual([200, { ran: false }]);
    goOn.open();
    expect(await (await first).json()).toMatchObject({ ran: true, completed: 1 });
  });

  it("that is signed and sent again does nothing, for as long as its time is near", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const trigger = httpTrigger(errand, { secret, clock: errand.clock });
    const headers = signed("", { atMs: errand.clock.now() + 299_000 });
    expect((await trigger(post(headers))).status).toBe(200);
    await errand.enqueue(work);
    for (const laterMs of [0, 597_000]) {
      await errand.clock.advance(laterMs);
      const again = await trigger(post(headers));
      expect(again.status).toBe(409);
      expect(await again.json()).toMatchObject({
        code: "CONFLICT",
        detail: expect.stringMatching(/received before/),
      });
    }
    expect((await errand.stats()).available).toBe(1);
    await errand.clock.advance(10_000);
    expect((await trigger(post(headers))).status).toBe(401);
  });

  it("that is signed may be sent again when its run has failed", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const run = errand.run.bind(errand);
    let fails = true;
    const maybe = () => fails ? Promise.reject(new Error("out of order")) : run();
    const trigger = httpTrigger(Object.assign(errand, { run: maybe }), { secret, clock });
    const headers = signed("", { atMs: nowMs });
    expect((await trigger(post(headers))).status).toBe(500);
    fails = false;
    expect((await trigger(post(headers))).status).toBe(200);
  });

  it("that does not wait is answered at once where the host keeps the run alive", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const goOn = gate();
    const slow = defineTask({ name: "slow", run: () => goOn.opened });
    errand.register(slow);
    await errand.enqueue(slow);
    const kept: Promise<unknown>[] = [];
    const waitUntil = (work: Promise<unknown>): void => void kept.push(work);
    const trigger = httpTrigger(errand, { secret });
    const headers = { ...bearer(secret), prefer: "respond-async" };
    const answer = await trigger(new Request(url, { headers }), { waitUntil });
    expect(answer.status).toBe(202);
    goOn.open();
    await Promise.all(kept);
    expect((await errand.stats()).completed).toBe(1);
  });

  it("that does not wait is answered at once under the roof of an API too", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await errand.enqueue(work);
    const kept: Promise<unknown>[] = [];
    const host = {
      waitUntil: (work: Promise<unknown>): void => void kept.push(work),
      passThroughOnException: () => {},
      props: {},
    };
    const api = createApi(errand, { open: true, run: httpTrigger(errand, { secret }) });
    const headers = { ...bearer(secret), prefer: "respond-async" };
    const answer = await api.fetch(new Request("http://api.test/run", { headers }), {}, host);
    expect([answer.status, kept.length]).toEqual([202, 1]);
    await Promise.all(kept);
    expect((await errand.stats()).completed).toBe(1);
    expect((await api.request("/run", { headers })).status).toBe(200); // no host, no way to go on
  });

  it("whose database cannot be used is told so, as 503", async () => {
    const errand = await testErrand();
    await errand.close();
    const answer = await httpTrigger(errand, { secret })(
      new Request(url, { headers: bearer(secret) }),
    );
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "DATABASE_UNAVAILABLE", status: 503 });
  });

  it("is not served under a secret that can be guessed", () => {
    for (const secret of ["short", undefined as unknown as string]) {
      expect(() => httpTrigger({ url: ":memory:" }, { secret })).toThrow(/has not 16 characters/);
    }
  });
});
