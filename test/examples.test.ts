// The examples that the README shows, each on the runtime that it is for, over a real server.
import { EdgeRuntime } from "edge-runtime";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Errand, type Job, type RunSummary } from "../mod.ts";
import { findRuntime, root } from "../scripts/runtimes.ts";
import { bundle } from "./support/bundle.ts";
import { needRuntimes, offered } from "./support/need.ts";
import { type Server, startServer } from "./support/server.ts";
import { findSqld, type Sqld, startSqld } from "./support/sqld.ts";

const folder = join(root, "test", "examples");
const examples = readdirSync(folder).filter((name) => name !== "tasks.ts");
const body = JSON.stringify({ path: "a.png", width: 200 });
const done = { state: "completed", result: { made: "200-a.png" }, attempt: 1 };

it.each(examples)("%s has less than 40 lines, and the README leads to it", (name) => {
  expect(readFileSync(join(folder, name), "utf8").split("\n").length).toBeLessThan(40);
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`(test/examples/${name})`);
});

describe.runIf(offered("examples over sqld", findSqld()))("the example", () => {
  let sqld: Sqld;

  beforeEach(async () => {
    sqld = await startSqld();
    vi.stubEnv("LIBSQL_URL", sqld.url);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await sqld[Symbol.asyncDispose]();
  });

  /** Adds a job by a request; the example is to complete it. */
  async function isServed({ ports: [port] }: Server): Promise<void> {
    const url = `http://127.0.0.1:${port}`;
    const answer = await fetch(`${url}/jobs`, { method: "POST", body });
    expect(answer.status).toBe(202);
    const { id } = await answer.json() as Job;
    await using errand = await Errand.open({ url: sqld.url });
    expect(await errand.wait(id, { timeout: "15s" })).toMatchObject(done);
    expect(await (await fetch(`${url}/jobs/${id}`)).json()).toMatchObject(done);
  }

  it.runIf(needRuntimes("deno"))("of Deno works when Deno's own cron says so", async () => {
    await using server = await startServer({
      command: findRuntime("deno")!,
      cwd: root,
      // Deno's own variable: its cron is due after so many milliseconds instead of each minute
      env: () => ({ DENO_CRON_TEST_SCHEDULE_OFFSET: "300" }),
      ready: "Listening on",
      args: ([port]) => [
        ...["serve", "--host=127.0.0.1", `--port=${port}`],
        ...["--unstable-cron", "--allow-net", "--allow-env", join(folder, "deno.ts")],
      ],
    });
    await isServed(server);
  });

  it.runIf(needRuntimes("bun"))("of Bun works as soon as it has enqueued", async () => {
    await using server = await startServer({
      command: findRuntime("bun")!,
      cwd: root,
      env: ([port]) => ({ PORT: String(port) }),
      ready: "Started development server",
      args: () => [join(folder, "bun.ts")],
    });
    await isServed(server);
  });

  it("of Vercel enqueues, and works when Vercel's cron calls", async () => {
    const secret = "what only Vercel's cron knows";
    const env = { LIBSQL_URL: sqld.url, CRON_SECRET: secret };
    const edge = new EdgeRuntime({
      extend: (context) => Object.assign(context, { process: { env } }),
      initialCode: await bundle("test/support/children/vercel-edge.ts", "edge-light"),
    });
    const url = "https://example.test/api/jobs";
    const added = await edge.dispatchFetch(url, { method: "POST", body });
    expect(added.status).toBe(202);
    const { id } = await added.json() as Job;
    expect((await edge.dispatchFetch(url)).status).toBe(401);
    const headers = { authorization: `Bearer ${secret}` };
    const worked = await edge.dispatchFetch(url, { headers });
    expect(await worked.json() as RunSummary).toMatchObject({ ran: true, completed: 1 });
    await using errand = await Errand.open({ url: sqld.url });
    expect(await errand.get(id)).toMatchObject(done);
  });

  it("of AWS Lambda enqueues by an event, and works by its schedule", async () => {
    const { handler, scheduled } = await import("./examples/lambda.ts");
    const send = async (method: string, path: string) => {
      const answer = await handler(gatewayEvent(method, path));
      return { status: answer.statusCode, job: JSON.parse(answer.body) as Job };
    };
    const { status, job } = await send("POST", "/jobs");
    expect([status, job.state]).toEqual([202, "available"]);
    expect(await scheduled()).toMatchObject({ ran: true, completed: 1 });
    expect((await send("GET", `/jobs/${job.id}`)).job).toMatchObject(done);
  });
});

/** As an HTTP API and a function URL have it: version 2.0 of the payload. */
function gatewayEvent(method: string, path: string) {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host: "example.test", "content-type": "application/json" },
    isBase64Encoded: false,
    body: method === "POST" ? body : null,
    requestContext: {
      ...{ accountId: "1", apiId: "api", authentication: null, authorizer: {} },
      ...{ domainName: "example.test", domainPrefix: "example", requestId: "1" },
      ...{ routeKey: "$default", stage: "$default", time: "", timeEpoch: 0 },
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test" },
    },
  };
}
