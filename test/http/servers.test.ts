// The API on the runtime's own server, in Cloudflare's runtime and in Vercel's.
import { createAdaptorServer } from "@hono/node-server";
import { EdgeRuntime } from "edge-runtime";
import { Hono } from "hono";
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { createApi } from "../../src/http/app.ts";
import type { ErrandVerbs } from "../../src/verbs.ts";
import { bundle } from "../support/bundle.ts";
import { gate } from "../support/gate.ts";
import { smoke, SMOKE_TOKEN, smokeStream } from "../support/http-smoke.ts";
import { listen } from "../support/listen.ts";
import { offered } from "../support/need.ts";
import { findSqld, startSqld } from "../support/sqld.ts";
import { findWorkerd, startModules, startWorkerd } from "../support/workerd.ts";

const edge = "test/support/children/http-edge.ts";
const tokens = [{ name: "smoke", token: SMOKE_TOKEN, scopes: ["admin"] }] as const;
const serve = (errand: ErrandVerbs) =>
  listen((request) => createApi(errand, { tokens }).fetch(request));

describe("on the runtime's own server", () => {
  it("it does what it has to", async () => {
    await using errand = await Errand.open({ url: ":memory:" });
    await using server = await serve(errand);
    await smoke((path, init) => fetch(server.url + path, init));
    await smokeStream((path, init) => fetch(server.url + path, init));
  });

  it("a wait ends when its caller has gone", async () => {
    await using errand = await Errand.open({ url: ":memory:" });
    const { id } = await errand.enqueue("t");
    const [begun, ended] = [gate(), gate()];
    const wait = errand.wait.bind(errand) as (id: string, of: { signal: AbortSignal }) => unknown;
    const watched = Object.assign(errand, {
      async wait(id: string, options: { signal: AbortSignal }) {
        const waiting = wait(id, options);
        begun.open();
        try {
          return await waiting;
        } finally {
          ended.open();
        }
      },
    });
    await using server = await serve(watched);
    const gone = new AbortController();
    const headers = { authorization: `Bearer ${SMOKE_TOKEN}` };
    const asking = fetch(`${server.url}/v1/jobs/${id}?wait=60s`, { headers, signal: gone.signal });
    await begun.opened;
    gone.abort();
    await expect(asking).rejects.toThrow();
    await ended.opened;
  });

  it("a body is no longer than its length says", async () => {
    await using errand = await Errand.open({ url: ":memory:" });
    await using server = await serve(errand);
    const body = '{"task":"t"}';
    const request = [
      ...["POST /v1/jobs HTTP/1.1", "host: api.test", `authorization: Bearer ${SMOKE_TOKEN}`],
      ...["content-type: application/json", `content-length: ${body.length}`, "", ""],
    ].join("\r\n");
    const next = "GET /healthz HTTP/1.1\r\nhost: "; // of which more may come
    const answers = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      let text = "";
      socket.on("data", (data) => {
        text += data;
        if (!text.includes("enqueued")) return;
        socket.destroy();
        resolve(text);
      });
      socket.on("error", reject);
      socket.write(request + body + next);
    });
    expect(answers).toMatch(/^HTTP\/1.1 201 /);
  });
});

describe("on Hono's server for Node, which other runtimes have as well", () => {
  it("it does what it has to, and an answer's headers are its own", async () => {
    const own = Object.getOwnPropertyDescriptors(globalThis); // it replaces two of them
    await using errand = await Errand.open({ url: ":memory:" });
    const app = new Hono();
    app.use(async (context, next) => {
      await next();
      const who = context.req.query("who");
      if (who !== undefined) context.res.headers.append("set-cookie", `who=${who}`);
    });
    app.route("/", createApi(errand, { tokens }));
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    try {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await smoke((path, init) => fetch(url + path, init));
      const cookies = async (path: string) => (await fetch(url + path)).headers.getSetCookie();
      expect(await cookies("/healthz?who=ada")).toEqual(["who=ada"]);
      expect(await cookies("/healthz")).toEqual([]);
      expect(await cookies("/healthz?who=bob")).toEqual(["who=bob"]);
    } finally {
      const { Request, Response } = own;
      Object.defineProperties(globalThis, { Request, Response });
      server.close();
      server.closeAllConnections();
    }
  });
});

const runs = offered("an API in workerd", findWorkerd()) && offered("its database", findSqld());

describe.runIf(runs)("in workerd", () => {
  it.each([
    ["in one file", startWorkerd],
    ["in modules, of which most are loaded when they are used", startModules],
  ])("it does what it has to, %s", async (_, start) => {
    await using database = await startSqld();
    await using server = await start(edge);
    const send = (path: string, init: RequestInit = {}) =>
      fetch(server.url + path, {
        ...init,
        headers: { ...init.headers, "x-database": database.url },
      });
    await smoke(send);
    await smokeStream(send);
  });
});

describe.runIf(offered("an API in an edge function", findSqld()))("in an edge function", () => {
  it("it does what it has to", async () => {
    await using database = await startSqld();
    const runtime = new EdgeRuntime({ initialCode: await bundle(edge, "edge-light") });
    await smoke((path, init = {}) =>
      runtime.dispatchFetch(`http://edge.test${path}`, {
        ...init,
        headers: { ...init.headers, "x-database": database.url },
      })
    );
  });
});
