/**
 * Values to JSON text and back, with one rule for payloads, results and metadata: what JSON would
 * drop or change without a word is refused, with the path to it.
 *
 * @module
 */
import { ErrandError, invalid, show } from "./errors.ts";

/** A value as it will be stored. */
export interface Encoded {
  /** The JSON text. */
  readonly text: string;
  /** Whether reading it back gives another value, because a `toJSON` method stood in for one. */
  readonly converted: boolean;
}

/** What to encode it as, and how large it may be. */
export interface EncodeOptions {
  /** Names the value in messages and is the root of paths: `payload`, `result`. */
  readonly what: string;
  /** The most bytes of UTF-8 that its JSON text may have. */
  readonly limitBytes: number;
}

/** Encodes `value`; `undefined` at the root is `null`. */
export function encode(value: unknown, options: EncodeOptions): Encoded {
  if (value === undefined) return NULL;
  const encoded = isPlain(value, PLAIN_DEPTH)
    ? { text: JSON.stringify(value), converted: false }
    : thoroughly(value, options.what);
  const bytes = byteLength(encoded.text, options.limitBytes);
  if (bytes > options.limitBytes) {
    throw new ErrandError(
      "PAYLOAD_TOO_LARGE",
      `Cannot store ${options.what}: it has ${bytes} bytes of JSON and the limit is ` +
        `${options.limitBytes}; keep the data elsewhere and pass its name, or raise payloadLimit`,
    );
  }
  return encoded;
}

const NULL: Encoded = { text: "null", converted: false };

/** Encodes whatever it is, or says where in it is what JSON has no form for. */
function thoroughly(value: unknown, what: string): Encoded {
  const walk: Walk = { path: [what], ancestors: [], converted: false };
  check(value, walk);
  const text = JSON.stringify(value);
  if (text === undefined) throw refuse(walk, "its toJSON method returns nothing");
  if (walk.converted) check(JSON.parse(text), { ...walk, path: [what] }); // its depth
  return { text, converted: walk.converted };
}

/** The value of a stored JSON text; `null` text is `undefined`. */
export function decode(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}

const PLAIN_DEPTH = 16;

/**
 * Whether nothing in `value` needs a closer look, as in most: plain data, a few levels deep. It
 * keeps no account of where it is, and takes half the time of the check that does.
 */
function isPlain(value: unknown, levels: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || levels === 0 || "toJSON" in value) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item, levels - 1)) return false; // holes too
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined && !isPlain(member, levels - 1)) return false;
  }
  return true;
}

/** SQLite reads no JSON of more than 1,000 levels, and one such text would fail its whole batch. */
const DEPTH_MAX = 500;

interface Walk {
  readonly path: (string | number)[];
  readonly ancestors: object[];
  converted: boolean;
}

function check(value: unknown, walk: Walk): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (Number.isFinite(value)) return;
      throw refuse(walk, `${value} is no JSON number`);
    case "object":
      return value === null ? undefined : checkObject(value, walk);
    case "bigint":
      throw refuse(walk, "a BigInt has no JSON form; pass it as text");
    default:
      throw refuse(walk, `${value === undefined ? "undefined" : show(value)} has no JSON form`);
  }
}

function checkObject(value: object, walk: Walk): void {
  if ("toJSON" in value && typeof value.toJSON === "function") {
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      throw refuse(walk, "it is an invalid Date");
    }
    walk.converted = true;
    return;
  }
  if (walk.ancestors.includes(value)) throw refuse(walk, "it contains itself (a cycle)");
  if (walk.ancestors.length === DEPTH_MAX) {
    const root = { ...walk, path: walk.path.slice(0, 1) };
    throw refuse(root, `it is more than ${DEPTH_MAX} levels deep; pass it as text`);
  }
  walk.ancestors.push(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) step(i, value[i], walk);
  } else {
    checkPlain(value, walk);
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      if (member !== undefined) step(key, member, walk); // JSON leaves such a key out: no loss
    }
  }
  walk.ancestors.pop();
}

function step(key: string | number, value: unknown, walk: Walk): void {
  walk.path.push(key);
  check(value, walk);
  walk.path.pop();
}

/** Maps, sets, typed arrays, promises, errors … would all become `{}` or lose what they are. */
function checkPlain(value: object, walk: Walk): void {
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (kind === "Object") return;
  if (kind === "Promise") throw refuse(walk, "a Promise has no JSON form; await it first");
  throw refuse(walk, `a ${kind} has no JSON form; pass an array or a plain object`);
}

function refuse(walk: Walk, fact: string): ErrandError {
  const [what, ...path] = walk.path;
  const at = pathText(path);
  return invalid(`Cannot store ${what}${at && ` (at ${what}${at})`}: ${fact}`, [
    { message: fact, path },
  ]);
}

/** `["a", 0, "b c"]` as `.a[0]["b c"]`. */
export function pathText(path: readonly (string | number)[]): string {
  return path.map((key) =>
    typeof key === "number"
      ? `[${key}]`
      : /^[A-Za-z_$][\w$]*$/.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`
  ).join("");
}

/** Bytes of `text` in UTF-8, counted only where the limit is near. */
function byteLength(text: string, limitBytes: number): number {
  if (text.length * 3 <= limitBytes) return text.length;
  return new TextEncoder().encode(text).length;
}
