/**
 * Ids: UUID version 7, so that ids sort by the time of their making.
 *
 * @module
 */
import { systemClock } from "./clock.ts";
import { invalid, show } from "./errors.ts";

/** Every 12-bit number as three hexadecimal digits. */
const HEX: readonly string[] = Array.from(
  { length: 0x1000 },
  (_, bits) => bits.toString(16).padStart(3, "0"),
);
const VARIANT = ["8", "9", "a", "b"] as const;

/** Random words that one id takes: 2 bits and five times 12 bits of them. */
const WORDS = 6;
const pool = new Uint16Array(1_024 * WORDS);
let next = pool.length;
let lastMs = 0;
let counter = 0;
let head = "";

/**
 * A new UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, a 12-bit counter that starts at
 * random within the millisecond (section 6.2, method 1), and 62 random bits. Ids of one process
 * strictly increase; when a millisecond's counter is used up, the next millisecond is borrowed.
 */
export function newId(): string {
  return idOf(systemClock.now());
}

/** So many of them, with one look at the clock. */
export function newIds(count: number): string[] {
  const nowMs = systemClock.now();
  return Array.from({ length: count }, () => idOf(nowMs));
}

function idOf(nowMs: number): string {
  if (next === pool.length) {
    crypto.getRandomValues(pool);
    next = 0;
  }
  const at = next;
  next += WORDS;
  if (nowMs > lastMs) startMillisecond(nowMs, pool[at]!);
  else if (++counter > 0xfff) startMillisecond(lastMs + 1, pool[at]!);
  return head + HEX[counter] + "-" + VARIANT[pool[at]! >> 14] + digits(at + 1) + "-" +
    digits(at + 2) + digits(at + 3) + digits(at + 4) + digits(at + 5);
}

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether it is a UUIDv7 in lower case, as all ids of new jobs are. */
export function isNewId(id: unknown): id is string {
  return typeof id === "string" && UUID7.test(id);
}

/** `id`, when it is a UUIDv7 in lower case. */
export function checkNewId(id: string, what: string): string {
  if (isNewId(id)) return id;
  throw invalid(`Cannot use ${show(id)} as ${what}: it is a UUIDv7 in lower case`);
}

function digits(at: number): string {
  return HEX[pool[at]! & 0xfff]!;
}

function startMillisecond(ms: number, random: number): void {
  lastMs = ms;
  counter = random & 0x7ff;
  const hex = ms.toString(16).padStart(12, "0");
  head = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
}
