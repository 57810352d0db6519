/**
 * Signed requests, as Standard Webhooks (https://www.standardwebhooks.com) has them: HMAC-SHA256
 * over an id, the time, and the body. And secrets, compared in constant time.
 *
 * @module
 */
import { fromBase64, toBase64 } from "./encryption/base64.ts";

/** What is signed. */
export interface Signed {
  readonly id: string;
  /** When, by the signer's clock. */
  readonly atMs: number;
  readonly body: string;
}

/** Why a signature is not accepted. */
export type SignatureFault = "missing" | "malformed" | "wrong" | "too old" | "too new";

const VERSION = "v1";
const PREFIX = "whsec_";

/** The headers of a signed request. */
export async function signedHeaders(secret: string, signed: Signed): Promise<HeadersInit> {
  const seconds = String(Math.floor(signed.atMs / 1_000));
  const mac = await crypto.subtle.sign("HMAC", await key(secret), content(seconds, signed));
  return {
    "webhook-id": signed.id,
    "webhook-timestamp": seconds,
    "webhook-signature": `${VERSION},${toBase64(new Uint8Array(mac))}`,
  };
}

/** What is wrong with the signature of a request with `headers` and `body`, if anything. */
export async function signatureFault(
  secret: string,
  { headers, body }: { readonly headers: Headers; readonly body: string },
  { nowMs, toleranceMs }: { readonly nowMs: number; readonly toleranceMs: number },
): Promise<SignatureFault | undefined> {
  const [id, seconds, signatures] = ["id", "timestamp", "signature"].map((name) =>
    headers.get(`webhook-${name}`)
  );
  if (id == null || seconds == null || signatures == null) return "missing";
  if (!/^\d{1,12}$/.test(seconds)) return "malformed";
  const of = await key(secret);
  const signed = content(seconds, { id, body });
  let right = false;
  for (const signature of signatures.split(" ", SIGNATURES_MAX)) {
    const mac = signature.startsWith(`${VERSION},`) && fromBase64(signature.slice(3));
    if (mac && await crypto.subtle.verify("HMAC", of, mac, signed)) right = true;
  }
  if (!right) return "wrong";
  const ageMs = nowMs - Number(seconds) * 1_000;
  if (Math.abs(ageMs) <= toleranceMs) return undefined;
  return ageMs > 0 ? "too old" : "too new";
}

/** A request may carry several, while a secret is being changed. */
const SIGNATURES_MAX = 4;

/** Whether two secrets are the same; the time it takes tells nothing of where they differ. */
export async function sameSecret(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all(
    [a, b].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
  );
  const other = new Uint8Array(right!);
  return new Uint8Array(left!).reduce((seen, byte, at) => seen | (byte ^ other[at]!), 0) === 0;
}

function content(seconds: string, { id, body }: Pick<Signed, "id" | "body">): BufferSource {
  return new TextEncoder().encode(`${id}.${seconds}.${body}`);
}

/** A secret is any text, or base64 after the prefix that Standard Webhooks gives it. */
function key(secret: string): Promise<CryptoKey> {
  const bytes = (secret.startsWith(PREFIX) && fromBase64(secret.slice(PREFIX.length))) ||
    new TextEncoder().encode(secret);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, hmac, false, ["sign", "verify"]);
}
