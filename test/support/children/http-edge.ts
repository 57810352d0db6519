// The API in Cloudflare's runtime and in Vercel's: an Errand for each request.
import { Errand } from "../../../mod.ts";
import { createApi } from "../../../src/http/mod.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

async function answer(request: Request): Promise<Response> {
  const url = request.headers.get("x-database")!;
  const errand = await Errand.open({ url });
  const token = "a-token-for-the-smoke-test";
  const api = createApi(errand, { tokens: [{ name: "smoke", token, scopes: ["admin"] }] });
  const response = await api.fetch(request);
  if (response.headers.get("content-type") === "text/event-stream") return response;
  const body = response.body && await response.arrayBuffer();
  await errand.close();
  return new Response(body, response);
}

const edge = { fetch: answer };
export { edge as default };

if ("EdgeRuntime" in globalThis) {
  addEventListener("fetch", (event) => {
    const { request, respondWith } = event as FetchEvent;
    respondWith.call(event, answer(request));
  });
}
