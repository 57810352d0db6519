/**
 * Answers that may be missing, and lists that come in pages.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";

/** What is asked for; `undefined` when there is no such thing. */
export async function found<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ErrandError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

/**
 * What `change` answers. Sent again, because nobody knew what had become of it, it may find what it
 * did itself: where nothing is left then, `done` says what the first answer was.
 */
export async function changedOnce<Value>(
  change: (repeats: () => void) => Promise<Value>,
  done: () => Promise<Value | undefined> | Value,
): Promise<Value> {
  let repeated = false;
  try {
    return await change(() => repeated = true);
  } catch (error) {
    if (!repeated || !(error instanceof ErrandError && error.code === "NOT_FOUND")) throw error;
    const value = await done();
    if (value === undefined) throw error;
    return value;
  }
}

/** One page, as a server gives it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly cursor: string | undefined;
}

const PAGE_MAX = 1_000;

/** Up to `limit` items after `after`, in as many pages as that takes. */
export async function collected<Item>(
  after: string,
  limit: number,
  ask: (query: Readonly<Record<string, string | number | undefined>>) => Promise<Page<Item>>,
): Promise<Item[]> {
  const all: Item[] = [];
  for (let cursor: string | undefined = after; cursor !== undefined && all.length < limit;) {
    const most = Math.min(limit - all.length, PAGE_MAX);
    const page: Page<Item> = await ask({ limit: most, cursor: cursor === "" ? undefined : cursor });
    all.push(...page.items);
    cursor = page.cursor;
  }
  return all;
}
