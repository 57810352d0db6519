/**
 * The keys that a user gives, checked.
 *
 * @module
 */
import { invalid, show } from "../errors.ts";
import { fromBase64 } from "./base64.ts";

/** 32 random bytes, as they are or as base64: `openssl rand -base64 32` makes one. */
export type EncryptionKey = string | Uint8Array;

/** A key of a list. */
export interface EncryptionKeyEntry {
  /** Its id: see {@linkcode EncryptionOptions.keys}. */
  readonly id: string;
  /** The key. */
  readonly key: EncryptionKey;
}

/** With which keys payloads, results, errors, progress and logs are encrypted. */
export interface EncryptionOptions {
  /**
   * Keys by id, or a list of them. Each value is stored with the id of its key, so keep a key for
   * as long as jobs that were written with it are to be read. An id has 1 to 64 letters, digits,
   * dots, dashes and underscores, such as `"2026-01"`; it is stored in plain.
   */
  readonly keys: Readonly<Record<string, EncryptionKey>> | readonly EncryptionKeyEntry[];
  /** The id of the key that new values are encrypted with. */
  readonly current: string;
}

/** {@linkcode EncryptionOptions}, checked. */
export interface CheckedEncryption {
  readonly keys: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly current: string;
}

const KEY_BYTES = 32;
const HOW = "make one with: openssl rand -base64 32";

/** Checks keys. Its messages name ids, and nothing that could be a key in the place of one. */
export function checkEncryption(options: EncryptionOptions): CheckedEncryption {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [index, { id, key }] of entries(options).entries()) {
    checkKeyId(id, index);
    if (keys.has(id)) {
      throw invalid(
        `Cannot use encryption.keys: two keys have the id "${id}"; give each an id of its own`,
      );
    }
    keys.set(id, keyBytes(id, key));
  }
  const ids = [...keys.keys()].join(", ");
  if (ids === "") throw invalid(`Cannot use encryption.keys: there is no key in it; ${HOW}`);
  const { current } = options;
  if (keys.has(current)) return { keys, current };
  const given = current === undefined || isKeyId(current) ? show(current) : "this";
  throw invalid(
    `Cannot use ${given} as encryption.current: it is the id of one of the keys, ${ids}`,
  );
}

function entries(options: unknown): readonly EncryptionKeyEntry[] {
  const keys = (options as Partial<EncryptionOptions> | null)?.keys;
  if (typeof keys !== "object" || keys === null) {
    throw invalid("Cannot use encryption: it is { keys: { id: key }, current: id }");
  }
  if (!Array.isArray(keys)) return Object.entries(keys).map(([id, key]) => ({ id, key }));
  return keys.map((entry: unknown, index) => {
    if (typeof entry === "object" && entry !== null) return entry as EncryptionKeyEntry;
    throw invalid(`Cannot use encryption.keys[${index}]: an entry of the list is { id, key }`);
  });
}

function isKeyId(id: unknown): boolean {
  return typeof id === "string" && /^[\w.-]{1,64}$/.test(id);
}

function checkKeyId(id: unknown, index: number): void {
  if (isKeyId(id)) return;
  throw invalid(
    `Cannot use the id of key ${index + 1} in encryption.keys: an id has 1 to 64 letters, ` +
      `digits, dots, dashes and underscores`,
  );
}

function keyBytes(id: string, key: unknown): Uint8Array<ArrayBuffer> {
  const bytes = key instanceof Uint8Array
    ? new Uint8Array(key)
    : typeof key === "string"
    ? fromBase64(key)
    : undefined;
  if (bytes === undefined) {
    throw invalid(`Cannot use key "${id}": it is neither base64 nor a Uint8Array; ${HOW}`);
  }
  if (bytes.length === KEY_BYTES) return bytes;
  throw invalid(
    `Cannot use key "${id}": it has ${bytes.length} bytes and AES-256 needs ${KEY_BYTES}; ${HOW}`,
  );
}
