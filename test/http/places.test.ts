// Which route a request is for.
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { createApi } from "../../src/http/mod.ts";
import { table } from "../../src/http/table.ts";
import { newId } from "../../src/id.ts";
import { testErrand } from "../../src/testing/mod.ts";

describe("the routes", () => {
  it("are found by Hono's fastest router", async () => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    await api.request("/healthz");
    expect(api.router.name).toBe("SmartRouter + RegExpRouter");
  });

  it.each(["", "/queue"])("are all there under %j, and take no other method", async (base) => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const app = base === "" ? api : new Hono().route(base, api);
    for (const { path } of table) {
      const methods = table.filter((entry) => entry.path === path).map(({ method }) => method);
      const answer = await app.request(base + path.replaceAll(/\{\w+\}/g, "x"), {
        method: "PATCH",
      });
      expect([path, answer.status]).toEqual([path, 405]);
      const allow = answer.headers.get("allow")!.split(", ");
      const more = methods.includes("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"];
      expect([path, allow.sort()]).toEqual([path, [...methods, ...more].sort()]);
    }
  });

  it("leave to others what they are not for", async () => {
    await using errand = await testErrand();
    const app = new Hono().route("/queue", createApi(errand, { open: true }));
    app.get("/queue/v1/leases/mine", (context) => context.text("my own"));
    app.notFound((context) => context.text("my own 404", 404));
    const text = async (path: string) => await (await app.request(path)).text();
    expect(await text("/queue/v1/leases/mine")).toBe("my own");
    expect(await text("/queue/v1/leases/other")).toBe("my own 404");
  });

  it("with a word where others have a parameter are told from those", async () => {
    await using errand = await testErrand();
    const api = createApi(errand, { open: true });
    const status = async (what: string): Promise<number> => {
      const [method = "", path = ""] = what.split(" ");
      return (await api.request(path, { method })).status;
    };
    expect(await status(`GET /v1/jobs/${newId()}`)).toBe(404); // no such job
    expect(await status("GET /v1/jobs/get")).toBe(405);
    expect(await status("POST /v1/jobs/get")).toBe(400); // without a body
    expect(await status("DELETE /v1/jobs/purge")).toBe(405);
    expect(await status("POST /v1/leases/heartbeat")).toBe(400);
    expect(await status("GET /v1/leases/heartbeat")).toBe(405);
    expect(await status("POST /v1/leases/other")).toBe(404); // there is no path with a parameter
    expect(await status("POST /v1/leases/heartbeat/heartbeat")).toBe(400); // a lease of that name
    expect(await status("GET /v1/jobs/")).toBe(404);
    expect(await status("GET /v1/jobs/get/get")).toBe(404);
  });
});
