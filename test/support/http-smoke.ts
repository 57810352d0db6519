// What an API has to do wherever it runs, asked over whatever carries requests.
import { expect } from "vitest";

/** Sends a request to a path. */
export type Fetching = (path: string, init?: RequestInit) => Promise<Response>;

/** The token that the API knows. */
export const SMOKE_TOKEN = "a-token-for-the-smoke-test";

const authorization = `Bearer ${SMOKE_TOKEN}`;
const headers = { authorization, "content-type": "application/json" };

/** Enqueues, looks, waits, follows changes and makes mistakes. */
export async function smoke(send: Fetching): Promise<void> {
  const get = async (path: string) => await (await send(path, { headers })).json();
  const post = (path: string, body: unknown) =>
    send(path, { method: "POST", headers, body: JSON.stringify(body) });
  expect(await (await send("/healthz")).json()).toEqual({ status: "ok" });
  expect(await (await send("/readyz")).json()).toEqual({ status: "ok" });
  const { cursor } = await get("/v1/events");
  const added = await post("/v1/jobs", { task: "t", payload: { text: "grüße 🎈" } });
  const { id } = await added.json();
  expect([added.status, (await get(`/v1/jobs/${id}`)).payload]).toEqual([
    201,
    { text: "grüße 🎈" },
  ]);
  const many = await post(
    "/v1/jobs",
    Array.from({ length: 100 }, (_, n) => ({ task: "t", payload: n })),
  );
  expect((await many.json()).jobs).toHaveLength(100);
  expect((await get("/v1/jobs?limit=1000")).jobs).toHaveLength(101);
  const waiting = post("/v1/jobs/wait", { ids: [id], wait: "30s" });
  await post(`/v1/jobs/${id}/cancel`, undefined);
  expect(await (await waiting).json()).toMatchObject({ jobs: [{ id, state: "cancelled" }] });
  const { changes } = await get(`/v1/events?after=${cursor}&wait=5s&event=cancelled`);
  expect(changes).toMatchObject([{ id }]);
  expect((await send("/v1/stats")).status).toBe(401);
  expect((await send("/v1/stats", { method: "POST", headers })).status).toBe(405);
  expect((await send("/v1/jobs", { method: "POST", headers, body: "{" })).status).toBe(400);
  expect((await post("/v1/jobs", { task: "t", payload: "x".repeat(5_000_000) })).status).toBe(413);
  expect(await (await send("/metrics", { headers: { authorization } })).text())
    .toContain('errand_jobs{queue="default",state="cancelled"} 1\n');
  expect(await get("/openapi.json")).toMatchObject({ openapi: "3.1.0" });
  const page = await send("/docs");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).toContain("<h1>Errand API</h1>");
}

/** Follows the stream of changes until one has come. */
export async function smokeStream(send: Fetching): Promise<void> {
  const accept = "text/event-stream";
  const response = await send("/v1/events", { headers: { authorization, accept } });
  expect(response.headers.get("content-type")).toBe(accept);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  expect(text).toMatch(/^retry: 1000\nid: /);
  const added = await send("/v1/jobs", { method: "POST", headers, body: '{"task":"t"}' });
  const { id } = await added.json();
  while (!text.includes(`"id":"${id}"`)) text += (await reader.read()).value!;
  expect(text).toContain("event: enqueued");
  await reader.cancel();
}
