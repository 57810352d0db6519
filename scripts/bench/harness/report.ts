import type { Row } from "./types.ts";

/** One JSON object a line, for machines. */
export function jsonLine(
  { measure, subject, value, unit, ratios, problem }: Row,
): string {
  return JSON.stringify({
    measure,
    subject,
    value: value === null ? null : rounded(value),
    unit,
    ratios,
    ...(problem === undefined ? {} : { problem }),
  });
}

/** The table, for people. */
export function table(rows: readonly Row[]): string {
  const lines = [[
    "measure",
    "subject",
    "median",
    "unit",
    "against its target",
    "",
  ]];
  let previous = "";
  for (const row of rows) {
    const first = row.targets[0];
    const name = row.measure === previous ? "" : row.measure;
    const remark = row.problem?.slice(0, 80) ?? first?.text ?? "";
    lines.push([
      name,
      row.subject,
      shown(row),
      row.unit,
      remark,
      mark(first?.met),
    ]);
    for (const target of row.targets.slice(1)) {
      lines.push(["", "", "", "", target.text, mark(target.met)]);
    }
    previous = row.measure;
  }
  return aligned(lines);
}

function shown(row: Row): string {
  if (row.value === null) return "FAILED";
  return Math.abs(row.value) >= 100
    ? Math.round(row.value).toLocaleString("en-US")
    : String(rounded(row.value));
}

function rounded(value: number): number {
  return Number(value.toPrecision(Math.abs(value) >= 100 ? 7 : 3));
}

function mark(met: boolean | undefined): string {
  return met === undefined ? "" : met ? "met" : "MISSED";
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const [head, ...body] = lines.map((line) =>
    line.map((cell, at) => at === 2 ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))
      .join("  ").trimEnd()
  );
  return [
    head,
    "-".repeat(widths.reduce((sum, width) => sum + width + 2, -2)),
    ...body,
  ].join("\n");
}
