// AWS Lambda: a function URL (or an HTTP API) enqueues, EventBridge's schedule does the work.
// handlers: lambda.handler for requests, lambda.scheduled with rate(1 minute)
import { Errand, type RunSummary } from "errand";
import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import process from "node:process";
import { thumbnail } from "./tasks.ts";

const { LIBSQL_URL, LIBSQL_TOKEN } = process.env;
const errand = await Errand.open({ // for all events of this instance
  url: LIBSQL_URL!,
  tasks: [thumbnail],
  ...(LIBSQL_TOKEN && { authToken: LIBSQL_TOKEN }),
});

const app = new Hono();
app.post("/jobs", async (c) => c.json(await errand.enqueue(thumbnail, await c.req.json()), 202));
app.get("/jobs/:id", async (c) => c.json(await errand.get(c.req.param("id")) ?? null));

export const handler = handle(app);

export function scheduled(): Promise<RunSummary> {
  return errand.run({ deadline: "50s" });
}
