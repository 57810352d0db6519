// The ways to name a server, each with a token.
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { newTokens } from "../support/tokens.ts";

const work = defineTask({ name: "work", run: () => "done" });

describe.runIf(offered("addresses of sqld", findSqld()))("a server that asks for a token", () => {
  const tokens = newTokens();
  let dir: TempDir;
  let server: Sqld;

  beforeAll(async () => {
    dir = await tempDir();
    await writeFile(dir.file("key.pem"), tokens.publicPem);
    server = await startSqld({ keyFile: dir.file("key.pem") });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const named = (scheme: string): string => server.url.replace(/^http:/, scheme);
  const open = (url: string, authToken?: string) =>
    Errand.open({
      ...{ url, tasks: [work], requestTimeout: 300 },
      ...(authToken !== undefined && { authToken }),
    });

  it.each(["http:", "ws:", "libsql:"])("is used by its %s address", async (scheme) => {
    const url = named(scheme) + (scheme === "libsql:" ? "?tls=0" : "");
    await using errand = await open(url, tokens.token({ a: "rw" }));
    const { id } = await errand.enqueue(work);
    await errand.worker().drain();
    expect((await errand.get(id))?.result).toBe("done");
    await errand.remove(id);
  });

  it.each(["https:", "wss:", "libsql:"])("that speaks no TLS refuses %s", async (scheme) => {
    await expect(open(named(scheme), tokens.token({ a: "rw" }))).rejects
      .toMatchObject({ code: "DATABASE_UNAVAILABLE", message: expect.stringMatching(/^Cannot /) });
  });

  const unknown: readonly (readonly [string, () => string | undefined])[] = [
    ["no token", () => undefined],
    ["an expired one", () => tokens.token({ a: "rw", exp: 1 })],
    ["one of other keys", () => newTokens().token({ a: "rw" })],
  ];

  it.each(unknown)("refuses %s, and that is told at once", async (_, token) => {
    await expect(open(named("http:"), token())).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("refuses one that may only read when something is written", async () => {
    await (await open(named("http:"), tokens.token({ a: "rw" }))).close(); // for its schema
    await using errand = await open(named("http:"), tokens.token({ a: "ro" }));
    expect(await errand.stats()).toMatchObject({ queues: {} });
    await expect(errand.enqueue(work)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  // it closes the socket, sometimes before its reason has arrived
  it.each(unknown)(
    "refuses a socket with %s, and that is told or said to be likely",
    async (_, of) => {
      await expect(open(named("ws:"), of())).rejects.toMatchObject({
        code: expect.stringMatching(/^(UNAUTHORIZED|DATABASE_UNAVAILABLE)$/),
        message: expect.stringMatching(/authToken/),
      });
    },
  );
});
