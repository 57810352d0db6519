/**
 * Measures Errand beside its peers:
 * `deno task bench core [--json] [--quick] [--only <part of a measure's name>] [--runs 5]`.
 *
 * @module
 */
import process from "node:process";
import { readArgs } from "./harness/args.ts";
import { buildForNode } from "./harness/build.ts";
import { ensurePeers } from "./harness/peers.ts";
import { jsonLine, table } from "./harness/report.ts";
import { runMeasure } from "./harness/rounds.ts";
import type { Measure, Row } from "./harness/types.ts";
import { core } from "./suites/core.ts";
import { http } from "./suites/http.ts";
import { remote } from "./suites/remote.ts";
import { full, quick } from "./suites/sizes.ts";

const suites: Readonly<Record<string, readonly Measure[]>> = { core, http, remote };

const args = readArgs(process.argv.slice(2));
const suite = suites[args.suite];
if (suite === undefined) {
  throw new Error(
    `Cannot run ${args.suite}: the suites are ${Object.keys(suites).join(", ")}`,
  );
}
const measures = suite.filter((measure) => measure.name.toLowerCase().includes(args.only));
const problem = ensurePeers();
if (problem !== undefined) console.error(`!! ${problem}`);
await buildForNode(filesForNode(measures));

const rows: Row[] = [];
for (const measure of measures) {
  const measured = await runMeasure(
    measure,
    args.quick ? quick : full,
    args.runs,
  );
  if (args.json) measured.map(jsonLine).forEach((line) => console.log(line));
  rows.push(...measured);
}
if (!args.json) console.log(table(rows));
if (problem !== undefined) console.error(`\n!! Without its peers: ${problem}`);
// A figure that misses its target is a finding; a subject that does not run is a fault.
process.exitCode = rows.some((row) => row.problem !== undefined) ? 1 : 0;

function filesForNode(measures: readonly Measure[]): string[] {
  const subjects = measures.flatMap((
    { ours, peers },
  ) => [ours, ...peers.map((p) => p.subject)]);
  const files = subjects.filter(({ runtime }) => runtime === "node").map((
    { file },
  ) => file);
  return [...new Set(files)];
}
