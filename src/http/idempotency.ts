/**
 * Requests that are sent again with the key that they were sent with first.
 *
 * @module
 */
import { invalid } from "../errors.ts";
import type { OnceKey } from "../once-broker.ts";
import type { Call } from "./route.ts";

/** What is sent again later is a new request. */
const KEEP_MS = 86_400_000;
/** The header, as a route declares it. */
export const ONCE: Readonly<Record<string, string>> = {
  "idempotency-key": "1 to 255 visible characters that no other request of the token has",
};
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * What `Idempotency-Key` makes a request known by, to its caller alone; `undefined` without one.
 * Another body under the same key is another request.
 */
export function onceKey(
  { request: { headers }, caller }: Pick<Call, "request" | "caller">,
  body: () => unknown,
): Promise<OnceKey> | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (!KEY.test(key)) {
    const message = "is no text of 1 to 255 visible ASCII characters";
    throw invalid(`Cannot use the header Idempotency-Key: it ${message}`, [
      { message, path: ["idempotency-key"] },
    ]);
  }
  return keyOf(`${caller.name} ${key}`, body());
}

async function keyOf(key: string, body: unknown): Promise<OnceKey> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { key, hash, keepMs: KEEP_MS };
}
