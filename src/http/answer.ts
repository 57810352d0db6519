/**
 * Responses, with the headers that all of them have.
 *
 * @module
 */
import { onBun } from "../runtime.ts";

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

/** Bun copies `Headers` faster than it reads an object, which is what Node's servers pass on. */
const AS_JSON = onBun ? new Headers(JSON_HEADERS) : undefined;

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

/** Of its own for each answer: there are servers that hand out what they get, to be changed. */
function jsonHeaders(): HeadersInit {
  return AS_JSON === undefined ? JSON_HEADERS : new Headers(AS_JSON);
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
