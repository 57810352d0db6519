// Tries every promise of test/conformance on each runtime and prints the table of the README:
// at which place, on which runtime, how many of them are kept.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { binArgs, findRuntime, root, type Runtime, runtimes } from "./runtimes.ts";

/** What vitest's reporter writes. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly status: string;
    }[];
  }[];
}

type Column = Runtime | "workerd";
interface Count {
  passed: number;
  all: number;
}

const INSIDE = ", inside workerd";
const columns: readonly Column[] = [...runtimes, "workerd"];
const headings: Readonly<Record<Column, string>> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
  workerd: "workerd",
};

const table = new Map<string, Partial<Record<Column, Count>>>();
for (const runtime of runtimes) {
  const report = run(runtime);
  if (report !== undefined) count(report, runtime);
}
const lines = [...table].map(([place, cells]) =>
  row(place, columns.map((name) => text(cells[name])))
);
console.log(
  [row("", columns.map((name) => headings[name])), row("---", columns.map(() => "--:"))]
    .concat(lines).join("\n"),
);
const counts = [...table.values()].flatMap((cells) => Object.values(cells));
process.exit(counts.length > 0 && counts.every(({ passed, all }) => passed === all) ? 0 : 1);

function run(runtime: Runtime): Report | undefined {
  const command = findRuntime(runtime);
  if (command === undefined) return void console.error(`${runtime} is not here`);
  const folder = mkdtempSync(join(tmpdir(), "errand-conformance-"));
  const file = join(folder, "report.json");
  const report = ["--reporter=json", `--outputFile=${file}`];
  const args = [...binArgs(runtime, "vitest/vitest.mjs"), "run", "test/conformance/", ...report];
  const env = { ...process.env, EXPECT_RUNTIME: runtime };
  const { stderr } = spawnSync(command, args, { cwd: root, env, encoding: "utf8" });
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return void console.error(`${runtime}: ${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count({ testResults }: Report, runtime: Runtime): void {
  for (const { ancestorTitles, status } of testResults.flatMap((of) => of.assertionResults)) {
    const title = ancestorTitles.at(-1) ?? "";
    const end = title.lastIndexOf(": ");
    if (end === -1) continue; // of one place only
    const place = title.slice(0, end);
    const inside = place.endsWith(INSIDE);
    if (inside && runtime !== runtimes[0]) continue; // whoever starts it, it is the same workerd
    const cells = rowOf(inside ? place.slice(0, -INSIDE.length) : place);
    const cell = cells[inside ? "workerd" : runtime] ??= { passed: 0, all: 0 };
    cell.all++;
    if (status === "passed") cell.passed++;
  }
}

function rowOf(place: string): Partial<Record<Column, Count>> {
  const cells = table.get(place) ?? {};
  table.set(place, cells);
  return cells;
}

function row(place: string, cells: readonly string[]): string {
  return `| ${[place, ...cells].join(" | ")} |`;
}

function text(cell: Count | undefined): string {
  return cell === undefined ? "" : `${cell.passed} of ${cell.all}`;
}
