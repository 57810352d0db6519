// Who may do what.
import { describe, expect, it } from "vitest";
import { createApi } from "../../src/http/app.ts";
import { type ApiToken, hashToken, type Scope, SCOPES } from "../../src/http/auth.ts";
import { rows } from "../../src/http/table.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

const secret = "a token of more than 16 characters".replaceAll(" ", "-");
const of = (...scopes: Scope[]): readonly ApiToken[] => [{ name: "t", token: secret, scopes }];

/** The request that a route is for, as far as its token matters. */
function asked(path: string): string {
  return path.replaceAll(/\{\w+\}/g, "x");
}

describe("without tokens", () => {
  it("nothing is served unless it is to be open", async () => {
    await using errand = await testErrand();
    for (const options of [{}, { tokens: [] }, { open: false }]) {
      expect(() => createApi(errand, options)).toThrow(
        /Cannot serve without tokens: anyone could do everything/,
      );
    }
    expect(() => createApi(errand, { open: true, tokens: of("read") })).toThrow(/exclude/);
  });

  it("an open one serves everyone", async () => {
    await using errand = await testErrand();
    expect((await caller(errand)("GET /v1/stats")).status).toBe(200);
  });
});

describe("every route", async () => {
  const guarded = (await rows()).filter(({ scope }) => scope !== "open")
    .map(({ method, path, scope, alsoFor }) =>
      [`${method} ${asked(path)}`, scope as Scope, alsoFor] as const
    );

  it.each(guarded)("%s takes no caller without a token, or with another one", async (what) => {
    await using errand = await testErrand();
    const send = caller(errand, { tokens: of("admin") });
    const tokens = [undefined, `${secret}!`, secret.slice(0, -1), ""];
    for (const token of tokens) {
      const answer = await send(what, token === undefined ? {} : { token });
      expect([answer.status, answer.body.code]).toEqual([401, "UNAUTHORIZED"]);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
      expect(JSON.stringify(answer.body)).not.toContain(secret.slice(0, 12));
    }
  });

  it.each(guarded)("%s takes the scope %s, and no other but admin", async (what, scope, also) => {
    await using errand = await testErrand();
    for (const given of SCOPES) {
      const send = caller(errand, { tokens: of(given) });
      const { status, body, headers } = await send(what, { token: secret });
      if (given === scope || given === also || given === "admin") {
        expect(status).not.toBe(403);
        continue;
      }
      expect([status, body.detail]).toEqual([
        403,
        `Cannot accept the request: its token lacks the scope "${scope}"`,
      ]);
      expect(headers.get("www-authenticate")).toContain(`scope="${scope}"`);
    }
  });
});

describe("tokens", () => {
  it("are known by their hashes", async () => {
    await using errand = await testErrand();
    const hash = await hashToken(secret);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const send = caller(errand, { tokens: [{ name: "t", hash, scopes: ["read"] }] });
    expect((await send("GET /v1/stats", { token: secret })).status).toBe(200);
    expect((await send("GET /v1/stats", { token: hash })).status).toBe(401);
  });

  it.each([["at once", false], ["later", true]])(
    "change without a restart where a function answers %s",
    async (_, late) => {
      await using errand = await testErrand();
      let tokens = of("read");
      const send = caller(errand, { tokens: () => late ? Promise.resolve(tokens) : tokens });
      const ask = async (token: string) => (await send("GET /v1/stats", { token })).status;
      expect(await ask(secret)).toBe(200);
      tokens = [{
        name: "new",
        token: "another token of mine".replaceAll(" ", "-"),
        scopes: ["read"],
      }];
      expect([await ask(secret), await ask("another-token-of-mine")]).toEqual([401, 200]);
      tokens = [];
      expect(await ask("another-token-of-mine")).toBe(401);
    },
  );

  it("that a function cannot tell let nobody in, and the error event tells why", async () => {
    await using errand = await testErrand();
    const errors: unknown[] = [];
    errand.on("error", ({ error }) => errors.push(error));
    const fault = new Error("no such file");
    const send = caller(errand, {
      tokens: () => {
        throw fault;
      },
    });
    const answer = await send("GET /v1/stats", { token: secret });
    expect([answer.status, answer.body.detail]).toEqual([
      500,
      "Cannot answer: see the server's log",
    ]);
    expect(errors).toEqual([fault]);
  });

  const unusable: readonly (readonly [string, unknown, RegExp])[] = [
    ["neither hash nor token", { name: "t", scopes: ["read"] }, /either hash or token/],
    ["both", { name: "t", token: secret, hash: "0".repeat(64), scopes: [] }, /either/],
    ["no hash", { name: "t", hash: secret, scopes: ["read"] }, /64 hexadecimal digits/],
    ["a short token", { name: "t", token: "short", scopes: ["read"] }, /16 characters/],
    ["an unknown scope", { name: "t", token: secret, scopes: ["write"] }, /a list of enqueue/],
    ["no queues", { name: "t", token: secret, scopes: ["read"], queues: [] }, /one name at least/],
    ["no name", { token: secret, scopes: ["read"] }, /the name of a token/],
  ];

  it.each(unusable)("with %s are refused, and not repeated", async (_, token, why) => {
    await using errand = await testErrand();
    const make = () => createApi(errand, { tokens: [token as ApiToken] });
    expect(make).toThrow(why);
    expect(make).not.toThrow(secret);
  });
});
