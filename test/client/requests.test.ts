import { describe, expect, it } from "vitest";
import { ErrandError } from "../../mod.ts";
import { connect } from "../../src/client/mod.ts";
import { fakeFetch, never, problem, url } from "../support/fake-fetch.ts";

const token = "correct-horse";
const NO_STATS = {
  ...{ scheduled: 0, available: 0, running: 0, completed: 0, failed: 0, cancelled: 0 },
  queues: {},
};
const fine = () => Response.json(NO_STATS);

/** The error of a call that is answered so. */
async function refusal(
  answer: Parameters<typeof fakeFetch>[0],
  requestTimeout: number = 40,
): Promise<ErrandError> {
  const { fetch } = fakeFetch(answer);
  await using client = connect({ url, token, fetch, requestTimeout });
  const error = await client.stats().then(() => undefined, (error: unknown) => error);
  if (!(error instanceof ErrandError)) throw new Error(`Expected a refusal, not ${error}`);
  return error;
}

describe("a request", () => {
  it("carries the token and takes JSON", async () => {
    const { fetch, sent } = fakeFetch(fine);
    await using client = connect({ url: `${url}/`, token, fetch });
    expect(await client.stats()).toEqual(NO_STATS);
    expect(sent[0]).toMatchObject({
      path: "/v1/stats",
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
      init: { redirect: "manual" },
    });
  });

  it("is sent to where the API is mounted", async () => {
    const { fetch, sent } = fakeFetch(fine);
    await using client = connect({ url: `${url}/under/here/`, fetch });
    await client.stats();
    expect(sent[0]?.path).toBe("/under/here/v1/stats");
    expect(sent[0]?.headers).not.toHaveProperty("authorization");
  });

  it.each([
    ["502", () => new Response("Bad Gateway", { status: 502 })],
    ["503", () => problem(503, "Cannot: busy", { code: "DATABASE_BUSY" })],
    ["504", () => new Response("", { status: 504 })],
    ["429", () => problem(429, "Cannot: too many", { code: "RATE_LIMITED" })],
    ["a connection that breaks", () => Promise.reject(new TypeError("fetch failed"))],
    [
      "JSON that ends in the middle",
      () => new Response('{"queues":', { headers: { "content-type": "application/json" } }),
    ],
    ["silence", () => never],
  ])("is sent again after %s", async (_, answer) => {
    let failures = 2;
    const { fetch, sent } = fakeFetch(() => failures-- > 0 ? answer() : fine());
    await using client = connect({ url, fetch, requestTimeout: 500 });
    expect(await client.stats()).toEqual(NO_STATS);
    expect(sent).toHaveLength(3);
  });

  it("is given up after three times its timeout, by what is known then", async () => {
    expect(await refusal(() => Promise.reject(new TypeError("fetch failed")))).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: `Cannot use the API at ${url}: fetch failed`,
    });
    expect(await refusal(() => never)).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: `Cannot use the API at ${url}: it did not answer within 40 ms`,
    });
    expect(await refusal(() => problem(503, "Cannot write: busy", { code: "DATABASE_BUSY" })))
      .toMatchObject({ code: "DATABASE_BUSY", message: "Cannot write: busy" });
  });

  it("waits for as long as the server asks for, or gives up at once", async () => {
    let asked = 0;
    const error = await refusal(() => {
      asked++;
      return problem(429, "Cannot: too many", { code: "RATE_LIMITED" }, { "retry-after": "60" });
    }, 10_000);
    expect([asked, error.code]).toEqual([1, "RATE_LIMITED"]);
  });
});

describe("an answer", () => {
  it.each(
    [
      [400, "INVALID_INPUT"],
      [401, "UNAUTHORIZED"],
      [403, "FORBIDDEN"],
      [409, "CONFLICT"],
      [503, "SCHEMA_TOO_NEW"],
    ] as const,
  )("of %s and %s is the error that an Errand itself would throw", async (status, code) => {
    let asked = 0;
    const issues = [{ message: "is no number", path: ["a", 0] }];
    const error = await refusal(() => {
      asked++;
      return problem(status, "Cannot do it: no", { code, issues });
    });
    expect([asked, error.code, error.message, error.issues])
      .toEqual([1, code, "Cannot do it: no", issues]);
  });

  it.each([
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } }), "200"],
    ["another server's 404", () => new Response("not here", { status: 404 }), "404"],
    ["another API's 404", () => Response.json({ error: "not here" }, { status: 404 }), "404"],
    ["no body", () => new Response(""), "200"],
  ])("that is %s is told for what it is", async (_, answer, status) => {
    expect(await refusal(answer)).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(`^Cannot use the API at ${url}: it answered ${status} with `),
    });
  });

  it("that redirects is not followed", async () => {
    const location = "https://elsewhere.test/v1/stats";
    const answer = () => new Response(null, { status: 308, headers: { location } });
    expect(await refusal(answer)).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining(`it redirects to ${location}: connect to`),
    });
  });

  it("that is larger than anyone reads is not read", async () => {
    const headers = { "content-type": "application/json", "content-length": String(2 ** 40) };
    expect(await refusal(() => new Response("{}", { headers }))).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining("its answer is larger than"),
    });
  });

  it("never makes an error show the token", async () => {
    const errors = [
      await refusal(() => Promise.reject(new TypeError("fetch failed"))),
      await refusal(() => new Response("", { status: 401 })),
      await refusal(() => new Response("<html>")),
    ];
    for (const error of errors) expect(`${error.stack} ${error.cause}`).not.toContain(token);
  });
});

describe("connect", () => {
  it.each([
    ["no URL", { url: "jobs" }, /Cannot connect to "jobs": it is no URL/],
    ["a database", { url: "file:errand.db" }, /a database is opened by Errand.open/],
    ["credentials", { url: "http://a:b@api.test" }, /credentials go into token/],
    ["a query", { url: "http://api.test/?a" }, /has a path at most/],
    ["no time", { url, requestTimeout: 0 }, /Cannot use 0 as requestTimeout/],
    ["a token of two lines", { url, token: "two\nlines" }, /^Cannot use the token: [^]*spaces$/],
  ])("refuses %s", (_, options, message) => {
    expect(() => connect(options as { url: string })).toThrow(message);
  });

  it("sends nothing by itself", async () => {
    const { fetch, sent } = fakeFetch(fine);
    const client = connect({ url, fetch });
    await client.close();
    expect(sent).toEqual([]);
  });
});

describe("a client that is closed", () => {
  it("gives up what is under way, and refuses later calls", async () => {
    const { fetch, sent } = fakeFetch(() => never);
    const client = connect({ url, fetch });
    const [stats, waited] = [client.stats(), client.wait("job")];
    const closed = {
      code: "DATABASE_UNAVAILABLE",
      message: `Cannot use the API at ${url}: this client is closed`,
    };
    const both = Promise.all([
      expect(stats).rejects.toMatchObject(closed),
      expect(waited).rejects.toMatchObject(closed),
    ]);
    await client.close();
    await both;
    await expect(client.stats()).rejects.toMatchObject(closed);
    expect(sent.every(({ init }) => init.signal?.aborted)).toBe(true);
  });
});

describe("transactions", () => {
  const { fetch } = fakeFetch(fine);
  const client = connect({ url, fetch });
  const refused = {
    code: "INVALID_INPUT",
    message: expect.stringMatching(/takes part in no transaction; use Errand.open/),
  };

  it("are not to be had over HTTP, and the refusal says what to do", async () => {
    await expect(client.statements.enqueue("task")).rejects.toMatchObject(refused);
    const tx = { execute: () => Promise.reject(new Error("unused")) };
    await expect(client.enqueue("task", 1, { tx: tx as never })).rejects.toMatchObject(refused);
  });
});
