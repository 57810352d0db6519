/**
 * Ids: UUID version 7, so that ids sort by the time of their making.
 *
 * @module
 */
import { systemClock } from "./clock.ts";

/** How many random tails are drawn from the generator at once. */
const BLOCK = 1_024;
const TAIL_BYTES = 8;

const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);
const pool = new Uint8Array(BLOCK * TAIL_BYTES);
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
  if (next === pool.length) draw();
  const nowMs = systemClock.now();
  if (nowMs > lastMs) {
    startMillisecond(nowMs);
  } else if (++counter > 0xfff) {
    startMillisecond(lastMs + 1);
  }
  const at = next;
  next += TAIL_BYTES;
  return head + HEX[0x70 | (counter >> 8)] + HEX[counter & 0xff] + "-" +
    HEX[0x80 | (pool[at]! & 0x3f)] + HEX[pool[at + 1]!] + "-" +
    HEX[pool[at + 2]!] + HEX[pool[at + 3]!] + HEX[pool[at + 4]!] + HEX[pool[at + 5]!] +
    HEX[pool[at + 6]!] + HEX[pool[at + 7]!];
}

function startMillisecond(ms: number): void {
  lastMs = ms;
  counter = ((pool[next]! << 8) | pool[next + 1]!) & 0x7ff;
  const hex = ms.toString(16).padStart(12, "0");
  head = `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}

function draw(): void {
  crypto.getRandomValues(pool);
  next = 0;
}
