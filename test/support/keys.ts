// Keys for tests, and databases that several Errands open one after the other.
import { type EncryptionOptions, Errand, type ErrandOptions } from "../../mod.ts";

/** A key of 32 bytes, the same one for the same number. */
export function keyOf(n: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + n * 31) % 256);
}

/** A ring of keys by number, under ids `"k1"`, `"k2"` …; the first one is the current one. */
export function ring(
  current: number,
  ...others: readonly number[]
): EncryptionOptions {
  const keys = [current, ...others].map((n) => ({
    id: `k${n}`,
    key: keyOf(n),
  }));
  return { keys, current: `k${current}` };
}

/** A ring that has key `n` under the id of key 1. */
export function impostor(n: number): EncryptionOptions {
  return { keys: { k1: keyOf(n) }, current: "k1" };
}

/** Opens the Errand of a file, does something with it, and closes it. */
export async function within<Value>(
  path: string,
  options: ErrandOptions,
  act: (errand: Errand) => Promise<Value>,
): Promise<Value> {
  const errand = await Errand.open({
    url: `file:${path}`,
    synchronous: "normal",
    ...options,
  });
  try {
    return await act(errand);
  } finally {
    await errand.close();
  }
}
