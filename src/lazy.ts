/**
 * What is seldom needed: loaded when it is first used, and then at hand.
 *
 * @module
 */

const loading = new Set<Promise<unknown>>();

/** Resolves when nothing is being loaded: for a clock that stands still meanwhile. */
export async function loadingEnded(): Promise<boolean> {
  const waited = loading.size > 0;
  while (loading.size > 0) await Promise.allSettled(loading);
  return waited;
}

/** What `load` resolves with, kept from the first call on; a failure is not kept. */
export function kept<Value>(load: () => Promise<Value>): () => Value | Promise<Value> {
  let value: Value | Promise<Value> | undefined;
  const first = async (): Promise<Value> => {
    try {
      return value = await load();
    } catch (error) {
      value = undefined;
      throw error;
    }
  };
  return () => {
    if (value !== undefined) return value;
    const promise = first();
    value = promise;
    loading.add(promise);
    void promise.catch(() => {}).finally(() => loading.delete(promise));
    return promise;
  };
}

/** Calls that all answer later. */
type Verbs<Noun> = { readonly [Verb in keyof Noun]: (...given: never[]) => Promise<unknown> };

/** The `verbs` of what `load` resolves with, which is loaded when the first one is called. */
export function lazy<Noun extends Verbs<Noun>>(
  load: () => Promise<Noun>,
  verbs: Readonly<Record<keyof Noun, 1>>,
): Noun {
  const loaded = kept(load);
  const call = (verb: keyof Noun) => async (...given: never[]): Promise<unknown> =>
    (await loaded())[verb](...given);
  const calls = (Object.keys(verbs) as (keyof Noun)[]).map((verb) => [verb, call(verb)]);
  return Object.fromEntries(calls) as Noun;
}
