// What is seen at the end of the demo.
import { relative } from "node:path";
import { type DrainSummary, type Errand, type Job, JOB_STATES } from "../../mod.ts";
import type { Seen, Timed } from "./display.ts";

/** What is told. */
export interface Report {
  readonly errand: Errand;
  readonly summary: DrainSummary;
  readonly seen: Seen;
  readonly database: string;
}

/** Prints the table and how to go on. */
export async function report(of: Report): Promise<void> {
  const { errand, summary, seen, database } = of;
  const stats = await errand.stats();
  const { jobs } = await errand.list({ task: "inspect", state: "completed", limit: 1 });
  const attempts = summary.completed + summary.failed + summary.retried;
  const perSecond = Math.round(1_000 * seen.inspected / seen.busyMs);
  const rows: [string, string][] = [
    ...JOB_STATES.filter((state) => stats[state] > 0)
      .map((state): [string, string] => [`jobs ${state}`, String(stats[state])]),
    ["attempts of this run", `${attempts}, and ${summary.snoozed} snoozed`],
    ["jobs per second", seen.inspected === 0 ? "–" : `${perSecond}, one for each file`],
    ...await slowestRows(errand, seen.slowest),
    ["database", relative("", database)],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`  ${name.padEnd(22)}${value}`);
  const [job] = jobs;
  if (job !== undefined) tellHowToRead(job, relative("", database));
}

async function slowestRows(errand: Errand, slowest: readonly Timed[]): Promise<[string, string][]> {
  return await Promise.all(slowest.map(async ({ id, task, durationMs }, i) => {
    const { path } = ((await errand.get(id))?.payload ?? {}) as { readonly path?: string };
    const what = path === undefined ? task : relative("", path);
    return [i === 0 ? "slowest" : "", `${durationMs.toFixed(1)} ms  ${what}`];
  }));
}

function tellHowToRead(job: Job, database: string): void {
  const { path } = job.payload as { readonly path: string };
  console.log(`
Read what was found in ${relative("", path)}:

  const errand = await Errand.open({ url: "file:${database}" });
  console.log((await errand.get("${job.id}"))?.result);

  ${JSON.stringify(job.result)}`);
}
