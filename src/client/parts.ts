/**
 * Many things in as many requests as a server takes: by their number, and by the size of a body.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";

/** The most items of one request. */
export const ITEMS_MAX = 1_000;
/** A little less than what a server takes, unless it was told otherwise. */
const BODY_MAX_BYTES = 4 * 1024 * 1024 - 64 * 1024;

const encoder = new TextEncoder();

/** Some items, from one up to another; texts are JSON. */
export interface Part {
  readonly from: number;
  readonly texts: readonly string[];
}

/** `texts` in the fewest requests, in their order. */
export function partsOf(texts: readonly string[]): Part[] {
  const parts: Part[] = [];
  let from = 0;
  let bytes = 0;
  const size = sizes(texts);
  for (let at = 0; at < texts.length; at++) {
    const more = size(texts[at]!) + 1;
    if (at > from && (at - from === ITEMS_MAX || bytes + more > BODY_MAX_BYTES)) {
      parts.push({ from, texts: texts.slice(from, at) });
      from = at;
      bytes = 0;
    }
    bytes += more;
  }
  if (from < texts.length) parts.push({ from, texts: texts.slice(from) });
  return parts;
}

/** A character of UTF-16 has three bytes of UTF-8 at most: mostly that says enough. */
function sizes(texts: readonly string[]): (text: string) => number {
  const most = texts.reduce((sum, { length }) => sum + 3 * length + 1, 0);
  return most <= BODY_MAX_BYTES ? () => 0 : (text) => encoder.encode(text).length;
}

/**
 * Sends a part, in halves where it is refused in a way that `splits`: by default when the server,
 * or what stands before it, takes no body so large.
 */
export async function halving(
  part: Part,
  send: (part: Part) => Promise<void>,
  splits: (error: unknown) => boolean = isTooLarge,
): Promise<void> {
  const { from, texts } = part;
  try {
    await send(part);
  } catch (error) {
    if (!splits(error) || texts.length === 1) throw error;
    const middle = texts.length >> 1;
    await halving({ from, texts: texts.slice(0, middle) }, send, splits);
    await halving({ from: from + middle, texts: texts.slice(middle) }, send, splits);
  }
}

/** Whether a server has refused a body for its size. */
function isTooLarge(error: unknown): boolean {
  return error instanceof ErrandError && error.code === "PAYLOAD_TOO_LARGE";
}

/** Whether a server has refused a body for what is in it: one item alone may be to blame. */
export function isUnfit(error: unknown): error is ErrandError {
  return isTooLarge(error) || error instanceof ErrandError && error.code === "INVALID_INPUT";
}
