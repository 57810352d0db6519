/**
 * Responses, with the headers that all of them have.
 *
 * @module
 */
import { isOfBun } from "../runtime.ts";

/** What every answer says: its type is as told, and it tells nobody where it was linked from. */
export const SECURE: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

const JSON_HEADERS: Readonly<Record<string, string>> = {
  ...SECURE,
  "content-type": "application/json",
  "cache-control": "no-store",
};

/** `value` as JSON. */
export function json(
  value: unknown,
  status: number = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return jsonText(JSON.stringify(value), status, headers);
}

/** What is JSON already. */
export function jsonText(
  text: string,
  status: number = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(text, {
    status,
    headers: headers === undefined ? jsonHeaders() : { ...JSON_HEADERS, ...headers },
  });
}

let asJson: { readonly of: typeof Response; readonly headers: HeadersInit } | undefined;

/**
 * Bun's own class copies a `Headers` faster than it reads an object. One that a server has put in
 * its place may hand it out, to be changed by whoever gets it.
 */
function jsonHeaders(): HeadersInit {
  if (asJson?.of !== Response) {
    const headers = isOfBun(Response) ? new Headers(JSON_HEADERS) : JSON_HEADERS;
    asJson = { of: Response, headers };
  }
  return asJson.headers;
}

let lastMs = NaN;
let lastText = "";

/** An instant as answers tell it. Jobs that were added together have the same ones. */
export function instantText(ms: number): string {
  if (ms === lastMs) return lastText;
  lastText = new Date(ms).toISOString();
  lastMs = ms;
  return lastText;
}

/** An answer that has nothing to tell. */
export function noContent(headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, { status: 204, headers: { ...SECURE, ...headers } });
}
