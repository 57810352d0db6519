// Which jobs there are to add, and how to add very many.
import type { EnqueueEntry, Errand } from "../../mod.ts";

/** One call of `enqueueMany` takes so many at most. */
const BATCH = 10_000;

/** Enqueues any number of jobs; what was enqueued before a kill stays. */
export async function enqueueAll(errand: Errand, jobs: readonly EnqueueEntry[]): Promise<void> {
  for (let i = 0; i < jobs.length; i += BATCH) {
    await errand.enqueueMany(jobs.slice(i, i + BATCH));
  }
}

/** The files that no job of an earlier, unfinished run stands for. */
export async function withoutJob(
  errand: Errand,
  files: readonly string[],
): Promise<readonly string[]> {
  const known = new Set<unknown>();
  let cursor: string | undefined;
  do {
    const page = await errand.list({ task: "inspect", limit: 1_000, ...(cursor && { cursor }) });
    for (const { payload } of page.jobs) known.add((payload as { path: string }).path);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return files.filter((path) => !known.has(path));
}
