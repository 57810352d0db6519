/**
 * The API, described: for programs and for people.
 *
 * @module
 */
import { SECURE } from "../answer.ts";
import type { Call, Route } from "../route.ts";
import { route } from "../route.ts";
import { record } from "../fields.ts";

/** `/openapi.json` and `/docs`, of the routes that `all` gives. */
export function docsRoutes(all: () => Promise<readonly Route[]>): readonly Route[] {
  const documented = async (): Promise<string> => {
    const { openApi } = await import("../openapi.ts");
    return JSON.stringify(openApi(await all()));
  };
  const drawn = async (): Promise<string> => {
    const [{ openApi }, { referencePage }] = await Promise.all([
      import("../openapi.ts"),
      import("../page.ts"),
    ]);
    return String(await referencePage(openApi(await all())));
  };
  const json = once(documented);
  const html = once(drawn);
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      scope: "open",
      tag: "Operation",
      summary: "This API as an OpenAPI 3.1 document",
      headers: { "if-none-match": "The ETag of a copy, which is not sent again" },
      answers: {
        200: { description: "The document", schema: record },
        304: { description: "The copy is up to date" },
      },
      handle: async (call) => cached(call, await json(), { "content-type": "application/json" }),
    }),
    route({
      method: "GET",
      path: "/docs",
      scope: "open",
      tag: "Operation",
      summary: "This API as a page",
      headers: { "if-none-match": "The ETag of a copy, which is not sent again" },
      answers: {
        200: { description: "The page", type: "text/html" },
        304: { description: "The copy is up to date" },
      },
      handle: async (call) => cached(call, await html(), PAGE),
    }),
  ];
}

/** Nothing is loaded and nothing runs but the style within the page. */
const PAGE = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
};

interface Tagged {
  readonly text: string;
  readonly etag: string;
}

/** Made at the first call; what fails is tried again by the next one. */
function once(make: () => Promise<string>): () => Promise<Tagged> {
  let made: Promise<Tagged> | undefined;
  const start = async (): Promise<Tagged> => {
    const text = await make();
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hex = [...new Uint8Array(bytes, 0, 12)].map((byte) => byte.toString(16).padStart(2, "0"));
    return { text, etag: `"${hex.join("")}"` };
  };
  return async () => {
    try {
      return await (made ??= start());
    } catch (error) {
      made = undefined;
      throw error;
    }
  };
}

function cached(
  { request }: Pick<Call, "request">,
  { text, etag }: Tagged,
  headers: Readonly<Record<string, string>>,
): Response {
  const caching = { ...SECURE, etag, "cache-control": "no-cache" };
  const known = request.headers.get("if-none-match");
  if (known !== null && matches(known, etag)) {
    return new Response(null, { status: 304, headers: caching });
  }
  return new Response(text, { headers: { ...caching, ...headers } });
}

function matches(known: string, etag: string): boolean {
  return known.trim() === "*" ||
    known.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}
