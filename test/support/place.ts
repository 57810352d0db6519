// An Errand of a test's own at each place where a store may live.
import { createClient } from "@libsql/client";
import type { Errand, JobState, Stats } from "../../mod.ts";
import { JOB_STATES } from "../../mod.ts";
import { type TestErrand, testErrand, type TestErrandOptions } from "../../src/testing/mod.ts";
import type { Place } from "./store.ts";
import { tempDir } from "./temp.ts";

/** An Errand, and the file that it is in, if there is one. */
export interface PlacedErrand extends AsyncDisposable {
  readonly errand: TestErrand;
  readonly path: string;
}

/** Opens an Errand at a place, under a clock that stands still. */
export async function errandAt(
  place: Place,
  options: TestErrandOptions = {},
): Promise<PlacedErrand> {
  const dir = await tempDir();
  const path = dir.file("errand.db");
  const url = place === "memory" ? ":memory:" : `file:${path}`;
  const client = place === "client" ? createClient({ url }) : undefined;
  const errand = await testErrand({
    ...options,
    ...(client === undefined ? { url } : { client }),
  });
  return {
    errand,
    path,
    async [Symbol.asyncDispose]() {
      await errand.close({ grace: 0 });
      client?.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** How many jobs are in each state, counted one by one. */
export async function counted(
  errand: Errand,
): Promise<Record<JobState, number>> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0]));
  let cursor: string | undefined;
  do {
    const page = await errand.list({
      limit: 1_000,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { state } of page.jobs) counts[state]!++;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return counts as Record<JobState, number>;
}

/** The part of `stats` that {@linkcode counted} counts. */
export function states(stats: Stats): Record<JobState, number> {
  return Object.fromEntries(
    JOB_STATES.map((state) => [state, stats[state]]),
  ) as Record<JobState, number>;
}
