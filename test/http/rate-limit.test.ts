// How many requests a token may send.
import { describe, expect, it } from "vitest";
import type { ApiOptions } from "../../src/http/options.ts";
import { createApi, type RateLimit } from "../../src/http/mod.ts";
import { connect } from "../../src/client/mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

const tokens: NonNullable<ApiOptions["tokens"]> = [
  { name: "one", token: "0123456789abcdef", scopes: ["read"] },
  { name: "other", token: "fedcba9876543210", scopes: ["read"] },
];
const rateLimit: RateLimit = { requests: 3, per: "6s" };

describe("a rate limit", () => {
  it("lets so many through at once, and then as many as time allows", async () => {
    await using errand = await testErrand();
    const send = caller(errand, { tokens, rateLimit });
    const ask = async (token = "0123456789abcdef") => await send("GET /v1/stats", { token });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await ask()).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const refused = await ask();
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.body).toMatchObject({
      ...{ status: 429, code: "RATE_LIMITED", title: "Too Many Requests" },
      detail: "Cannot answer: there are too many requests; ask again in 2 s",
    });
    await errand.clock.advance(1_999);
    expect((await ask()).status).toBe(429);
    await errand.clock.advance(1);
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
    await errand.clock.advance("1h");
    for (let n = 0; n < 3; n++) expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });

  it("is each token's own, also for what it may not do, and not for whether the server lives", async () => {
    await using errand = await testErrand();
    const send = caller(errand, { tokens, rateLimit });
    const [one, other] = ["0123456789abcdef", "fedcba9876543210"];
    const answers = [];
    for (let n = 0; n < 4; n++) answers.push(await send("POST /v1/jobs", { token: one, body: {} }));
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 429]);
    expect((await send("GET /v1/stats", { token: other })).status).toBe(200);
    for (let n = 0; n < 10; n++) expect((await send("GET /healthz")).status).toBe(200);
  });

  it("is waited for by a client", async () => {
    await using errand = await testErrand();
    let times = 0;
    const api = createApi(errand, { open: true, rateLimit: { requests: 1, per: "1s" } });
    const fetch = async (url: string, init: RequestInit) => {
      if (++times === 3) await errand.clock.advance("1s"); // so long it has waited
      return await api.fetch(new Request(url, init));
    };
    await using client = connect({ url: "http://api.test", fetch });
    await client.stats();
    const before = performance.now();
    expect(await client.stats()).toMatchObject({ available: 0 });
    expect([times, performance.now() - before > 900]).toEqual([3, true]);
  });

  it.each([
    [{ requests: 0, per: "1s" }, "Cannot use 0 as rateLimit.requests: it is a whole number from 1"],
    [{ requests: 1.5, per: "1s" }, /rateLimit.requests/],
    [{ requests: 1, per: 0 }, "Cannot use 0 as rateLimit.per: it is the time in which to count"],
    [{ requests: 1, per: "soon" }, /rateLimit.per/],
  ])("of %o is refused", async (bad, message) => {
    await using errand = await testErrand();
    expect(() => createApi(errand, { open: true, rateLimit: bad as RateLimit })).toThrow(message);
  });
});
