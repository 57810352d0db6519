/**
 * AES-256-GCM under one of several keys. Where a value stands is authenticated with it, so that it
 * cannot be read in another place.
 *
 * @module
 */
import type { Lock } from "../job.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { type EnvelopeBody, QUOTED_VERSION } from "./envelope.ts";
import type { CheckedEncryption } from "./options.ts";

/**
 * Where a value belongs: the id of its job, the name of its field, and what is stored in plain
 * beside it.
 */
export type Place = readonly [id: string, field: string, ...beside: (string | number)[]];

/** Where the payload of a schedule belongs; each of its occurrences carries it as it is. */
export function schedulePlace(name: string): Place {
  return [name, "schedule"];
}

/** What came of an envelope: its text, or why it stays closed. */
export type Opened = { readonly text: string } | { readonly lock: Lock };

const VERSION = 1;
/** 96 random bits, new for each value: NIST SP 800-38D, section 8.2.2. */
const IV_BYTES = 12;
const CHECK_BYTES = 6;

interface RingKey {
  readonly key: CryptoKey;
  /** Says which key it is and nothing about it: tells a wrong key from a changed ciphertext. */
  readonly check: string;
}

/** Seals with the current key, opens with any. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, RingKey>;
  readonly #currentId: string;
  readonly #current: RingKey;

  private constructor(keys: ReadonlyMap<string, RingKey>, current: string) {
    this.#keys = keys;
    this.#currentId = current;
    this.#current = keys.get(current)!;
  }

  /** A ring whose keys cannot be read out of it. */
  static async of({ keys, current }: CheckedEncryption): Promise<KeyRing> {
    const ring = await Promise.all(
      [...keys].map(async ([id, bytes]) => [id, await ringKey(bytes)] as const),
    );
    return new KeyRing(new Map(ring), current);
  }

  /** The envelope of `text` for its place. */
  async seal(text: string, place: Place): Promise<EnvelopeBody> {
    const { key, check } = this.#current;
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const additionalData = additional(this.#currentId, place);
    const algorithm = { name: "AES-GCM", iv, additionalData };
    const sealed = await crypto.subtle.encrypt(algorithm, key, utf8.encode(text));
    const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
    bytes.set(iv);
    bytes.set(new Uint8Array(sealed), IV_BYTES);
    return [VERSION, this.#currentId, check, toBase64(bytes)];
  }

  /** What was sealed for this place. */
  async open(body: EnvelopeBody, place: Place): Promise<Opened> {
    const [version, id, check, base64] = body;
    const known = this.#keys.get(id as string);
    if (version !== VERSION || known === undefined) return { lock: lockWithoutKey(body) };
    if (check !== known.check) return { lock: wrongKey(id) };
    const bytes = typeof base64 === "string" ? fromBase64(base64) : undefined;
    if (bytes === undefined) return { lock: CHANGED };
    const iv = bytes.subarray(0, IV_BYTES);
    const algorithm = { name: "AES-GCM", iv, additionalData: additional(id as string, place) };
    try {
      const text = await crypto.subtle.decrypt(algorithm, known.key, bytes.subarray(IV_BYTES));
      return { text: new TextDecoder().decode(text) };
    } catch {
      return { lock: CHANGED }; // the one reason that WebCrypto has, and it tells no more
    }
  }
}

/** What an envelope comes to where there is no ring, or not the key. */
export function openWithoutKey(body: EnvelopeBody): Opened {
  if (body[0] === QUOTED_VERSION) return { text: JSON.stringify(body[1]) };
  return { lock: lockWithoutKey(body) };
}

const utf8 = new TextEncoder();

function additional(keyId: string, place: Place): Uint8Array<ArrayBuffer> {
  return utf8.encode(JSON.stringify(["errand", VERSION, keyId, ...place]));
}

async function ringKey(bytes: Uint8Array<ArrayBuffer>): Promise<RingKey> {
  const label = utf8.encode("errand key check");
  const labelled = new Uint8Array(label.length + bytes.length);
  labelled.set(label);
  labelled.set(bytes, label.length);
  const digest = await crypto.subtle.digest("SHA-256", labelled);
  return {
    key: await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
    check: toBase64(new Uint8Array(digest, 0, CHECK_BYTES)),
  };
}

const CHANGED: Lock = {
  code: "CHANGED",
  message: "its ciphertext was changed, or written for another job or field",
};

function wrongKey(id: unknown): Lock {
  return {
    code: "WRONG_KEY",
    message: `wrong key "${id}": another one of this id encrypted it`,
  };
}

function lockWithoutKey([version, id]: EnvelopeBody): Lock {
  if (version === VERSION && typeof id === "string") {
    return { code: "NO_KEY", message: `no key "${id}"` };
  }
  if (version === VERSION) return CHANGED;
  return { code: "CHANGED", message: `its envelope has the unknown version ${version}` };
}
