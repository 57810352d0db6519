import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { tempDir } from "../support/temp.ts";
import { newTokens } from "../support/tokens.ts";
import { eventually } from "./assert.ts";
import { alone, shared } from "./promises/all.ts";
import { conformance, prepare, server } from "./stores.ts";

/** What a server takes for the namespace of an address that is a number; it has to exist. */
const HOST = "127";
const NAMESPACES = [HOST, "a", "b"];

describe.runIf(offered("promises over a namespace", findSqld()))("a namespace", () => {
  const tokens = newTokens();
  let sqld: Sqld;

  const of = (name: string, rights: "ro" | "rw" = "rw", allowed = name) => ({
    url: `${sqld.url}/dev/${name}/`,
    authToken: tokens.token({ p: { [rights]: { ns: [allowed, HOST] } } }),
  });

  beforeAll(async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("key.pem"), tokens.publicPem);
    sqld = await startSqld({ admin: true, keyFile: dir.file("key.pem") });
    for (const name of NAMESPACES) {
      const made = `${sqld.adminUrl}/v1/namespaces/${name}/create`;
      const headers = { "content-type": "application/json" };
      // the admin interface listens a moment later than the other
      await eventually(async () =>
        (await fetch(made, { method: "POST", headers, body: "{}" }).catch(() => undefined))?.ok
      );
    }
    await prepare(of("a"));
  });
  afterAll(() => sqld[Symbol.asyncDispose]());

  conformance("a namespace of sqld, with a token", [alone, shared], server(() => of("a")));

  it("is apart from others", async () => {
    await using a = await Errand.open(of("a"));
    await using b = await Errand.open(of("b"));
    const { id } = await a.enqueue("task");
    expect(await b.get(id)).toBeUndefined();
    expect((await a.get(id))?.id).toBe(id);
  });

  it.each([
    ["no token", () => ({ url: of("a").url }), "UNAUTHORIZED"],
    ["a token that has expired", () => expired(), "UNAUTHORIZED"],
    ["a token of other keys", () => ({ ...of("a"), authToken: other() }), "UNAUTHORIZED"],
    ["a token that may only read", () => of("b", "ro"), "FORBIDDEN"],
    ["a token for another namespace", () => of("a", "rw", "b"), "DATABASE_UNAVAILABLE"],
    ["the name of none", () => of("none"), "DATABASE_UNAVAILABLE"],
  ])("refuses %s", async (_, target, code) => {
    await expect(openAndEnqueue(target())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^Cannot /),
    });
  });

  const expired = () => ({ ...of("a"), authToken: tokens.token({ a: "rw", exp: 1 }) });
  const other = () => newTokens().token({ a: "rw" });

  async function openAndEnqueue(target: { url: string; authToken?: string }): Promise<void> {
    await using errand = await Errand.open(target);
    await errand.enqueue("task");
  }
});
