/**
 * Work for a message that may be sent twice, and is to be done once.
 *
 * @module
 */
import type { Errand } from "../errand.ts";
import { newId } from "../id.ts";
import { partsOf } from "../parts.ts";

/** What is remembered, by the id of a message and for how long. */
export interface Message {
  readonly id: string;
  readonly forMs: number;
}

/**
 * What `work` comes to, or `undefined` when the message was worked for before, in whatever process.
 * Where it fails, the message counts as not received.
 */
export async function once<Result>(
  errand: Errand,
  { id, forMs }: Message,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const { marks } = partsOf(errand).broker;
  const name = `once:${await hashed(id)}`;
  const holder = newId();
  if (!(await marks.take(name, holder, forMs))) return undefined;
  try {
    return await work();
  } catch (error) {
    await marks.release(name, holder).catch(() => {}); // it expires; the first error tells more
    throw error;
  }
}

/** So that any text makes a name of one length, and names lie scattered. */
async function hashed(id: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
