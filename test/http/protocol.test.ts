// What HTTP itself asks for: methods, types, sizes, caching.
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { createApi } from "../../src/http/app.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

describe("a request", () => {
  it("to no route is told so", async () => {
    await using errand = await testErrand();
    const { status, body } = await caller(errand)("GET /v1/nothing");
    expect([status, body.title]).toEqual([404, "Not Found"]);
  });

  it("by another method is told which there are", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const allowed = async (what: string) => {
      const { status, headers } = await send(what);
      return [status, headers.get("allow")];
    };
    expect(await allowed("PATCH /v1/jobs")).toEqual([405, "POST, GET, HEAD, OPTIONS"]);
    expect(await allowed("GET /v1/jobs/purge")).toEqual([405, "POST, OPTIONS"]);
    expect(await allowed("OPTIONS /v1/jobs/x")).toEqual([204, "GET, DELETE, HEAD, OPTIONS"]);
  });

  it("by HEAD is answered as by GET, without a body", async () => {
    await using errand = await testErrand();
    const send = caller(errand);
    const [get, head] = [await send("GET /v1/stats"), await send("HEAD /v1/stats")];
    expect([head.status, head.body]).toEqual([200, ""]);
    expect([...head.headers]).toEqual([...get.headers]);
    const stream = await send("HEAD /v1/events", { headers: { accept: "text/event-stream" } });
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
  });

  const types: readonly (readonly [string | undefined, number])[] = [
    [undefined, 415],
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/json; charset=latin1", 415],
    ["application/json", 201],
    ["application/json; charset=UTF-8", 201],
    ["application/vnd.job+json", 201],
  ];

  it.each(types)("with a body of type %s is answered with %i", async (type, status) => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const answer = await api.request("/v1/jobs", {
      method: "POST",
      body: new TextEncoder().encode('{"task":"t"}'),
      headers: type === undefined ? {} : { "content-type": type },
    });
    expect(answer.status).toBe(status);
    if (status === 415) expect(answer.headers.get("accept")).toBe("application/json");
  });

  it("with a compressed body is not taken for JSON", async () => {
    await using errand = await testErrand();
    const headers = { "content-encoding": "gzip" };
    const answer = await caller(errand)("POST /v1/jobs", { body: { task: "t" }, headers });
    expect([answer.status, answer.body.detail]).toEqual([415, expect.stringMatching(/compressed/)]);
  });

  const accepts: readonly (readonly [string, string, number])[] = [
    ["/v1/stats", "application/json", 200],
    ["/v1/stats", "text/html, application/*;q=0.5", 200],
    ["/v1/stats", "text/html", 406],
    ["/v1/stats", "*/*, application/json;q=0", 406],
    ["/metrics", "application/openmetrics-text;q=0.5,text/plain;q=0.3,*/*;q=0.1", 200],
    ["/metrics", "application/json", 406],
    ["/docs", "text/html", 200],
  ];

  it.each(accepts)("to %s that accepts %s is answered with %i", async (path, accept, status) => {
    await using errand = await testErrand();
    const answer = await caller(errand)(`GET ${path}`, { headers: { accept } });
    expect(answer.status).toBe(status);
  });

  const broken: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["half of an object", '{"task":"secret-', /it is no JSON/],
    ["two values", '{"task":"secret"} {}', /it is no JSON/],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0xfe, 0x22), /it is no UTF-8/],
    ["nothing", "", /body: is missing/],
    ["a text", '"secret"', /body: is no Object/],
    ["levels without end", "[".repeat(200_000), /it is no JSON/],
  ];

  it.each(broken)("whose body is %s is told so, and not repeated", async (_, body, why) => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const headers = { "content-type": "application/json" };
    const answer = await api.request("/v1/jobs", { method: "POST", body: body as string, headers });
    const problem = await answer.json();
    expect([answer.status, problem.detail]).toEqual([400, expect.stringMatching(why)]);
    expect(JSON.stringify(problem)).not.toContain("secret");
  });

  it("whose payload is nested too deep is told where", async () => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const body = `{"task":"t","payload":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const headers = { "content-type": "application/json" };
    const answer = await api.request("/v1/jobs", { method: "POST", body, headers });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "INVALID_INPUT" });
  });

  it("that says the same thing twice in its query is told so", async () => {
    await using errand = await testErrand();
    const { status, body } = await caller(errand)("GET /v1/jobs?limit=1&limit=2");
    expect([status, body.issues]).toEqual([400, [{
      message: "is said more than once",
      path: ["limit"],
    }]]);
  });
});

describe("a large body", () => {
  const bodyLimit = 1_000;
  const big = JSON.stringify({ task: "t", payload: "x".repeat(bodyLimit) });
  const stream = (pulled: () => void) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled();
        controller.enqueue(new TextEncoder().encode(big.slice(0, 500)));
      },
    });

  it.each([["told", {}], ["not told", { "content-length": "" }]])(
    "whose length is %s is refused before it is read to its end",
    async (_, lengths) => {
      await using errand = await testErrand();
      const api = createApi(errand, { open: true, bodyLimit });
      let pulls = 0;
      const told = { "content-length": "100000", ...lengths };
      const request = new Request("http://api.test/v1/jobs", {
        ...{ method: "POST", duplex: "half", body: stream(() => pulls++) },
        headers: { "content-type": "application/json", ...told },
      });
      const answer = await api.fetch(request);
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
      expect(pulls).toBeLessThan(6);
    },
  );

  it("has a payload within its own limit, or the job is refused", async () => {
    await using errand = await testErrand({ payloadLimit: 100 });
    const body = { task: "t", payload: "x".repeat(200) };
    const answer = await caller(errand)("POST /v1/jobs", { body });
    expect([answer.status, answer.body.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });
});

describe("an answer", () => {
  it("is neither kept nor taken for what it is not", async () => {
    await using errand = await testErrand();
    for (const path of ["/v1/stats", "/metrics", "/healthz", "/v1/jobs/x"]) {
      const { headers } = await caller(errand)(`GET ${path}`);
      expect([path, headers.get("cache-control")]).toEqual([path, "no-store"]);
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    }
  });

  it.each(["/openapi.json", "/docs"])("from %s is not sent again to who has it", async (path) => {
    await using errand = await testErrand();
    const send = caller(errand);
    const { headers, status } = await send(`GET ${path}`);
    const etag = headers.get("etag")!;
    expect([status, headers.get("cache-control")]).toEqual([200, "no-cache"]);
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await send(`GET ${path}`, { headers: { "if-none-match": known } });
      expect([again.status, again.body, again.headers.get("etag")]).toEqual([304, "", etag]);
    }
    expect((await send(`GET ${path}`, { headers: { "if-none-match": '"x"' } })).status).toBe(200);
  });

  it("to what the database cannot do says when to come back", async () => {
    const errand = await testErrand();
    await errand.close();
    const { status, headers, body } = await caller(errand)("GET /v1/stats");
    expect([status, body.code, headers.get("retry-after")])
      .toEqual([503, "DATABASE_UNAVAILABLE", "1"]);
  });

  it("to a fault of its own tells nothing of it, and the error event tells all", async () => {
    await using errand = await testErrand();
    const fault = new Error("secret");
    const errors: unknown[] = [];
    errand.on("error", ({ error, during }) => errors.push([error, during]));
    const broken = Object.assign(errand, { stats: () => Promise.reject(fault) });
    const { status, body } = await caller(broken)("GET /v1/stats");
    expect([status, body]).toEqual([500, {
      ...{ title: "Internal Server Error", status: 500 },
      detail: "Cannot answer: see the server's log",
    }]);
    expect(errors).toEqual([[fault, "GET /v1/stats"]]);
  });
});

describe("pages of other origins", () => {
  const origin = "https://app.example.com";
  const preflight = { origin, "access-control-request-method": "POST" };

  it("may do nothing unless they are let", async () => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const answer = await api.request("/v1/stats", { headers: { origin } });
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });

  it("may call when they are let, and others may not", async () => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true, cors: { origins: [origin] } });
    const allowed = async (from: string) => {
      const headers = { ...preflight, origin: from };
      const before = await api.request("/v1/jobs", { method: "OPTIONS", headers });
      const answer = await api.request("/v1/stats", { headers: { origin: from } });
      return [before, answer].map(({ headers }) => headers.get("access-control-allow-origin"));
    };
    expect(await allowed(origin)).toEqual([origin, origin]);
    expect(await allowed("https://evil.example.com")).toEqual([null, null]);
    const before = await api.request("/v1/jobs", { method: "OPTIONS", headers: preflight });
    expect(before.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(before.headers.get("access-control-max-age")).toBe("600");
  });

  it.each([[["app.example.com"]], [["https://a.example/path"]], ["all"]])(
    "are let by their origins, which %j is not",
    async (origins) => {
      await using errand = await testErrand();
      const cors = { origins: origins as readonly string[] };
      expect(() => createApi(errand, { open: true, cors })).toThrow(/cors.origins/);
    },
  );
});

describe("mounted under a path of another app", () => {
  it("it serves the same", async () => {
    await using errand = await testErrand();
    const app = new Hono();
    app.route("/queue", createApi(errand, { open: true }));
    const headers = { "content-type": "application/json" };
    const body = '{"task":"t"}';
    const added = await app.request("/queue/v1/jobs", { method: "POST", headers, body });
    const { id } = await added.json();
    expect((await app.request(`/queue/v1/jobs/${id}`)).status).toBe(200);
    expect((await app.request("/queue/v1/jobs/x")).status).toBe(404);
    expect((await app.request("/queue/v1/jobs", { method: "PUT" })).status).toBe(405);
    const { servers } = await (await app.request("/queue/openapi.json")).json();
    expect(servers).toEqual([{ url: "." }]); // beside the document
  });
});
