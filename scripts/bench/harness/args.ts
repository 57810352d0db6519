import { parseArgs } from "node:util";

/** The command line of the bench. */
export interface Args {
  readonly suite: string;
  readonly json: boolean;
  readonly quick: boolean;
  readonly only: string;
  readonly runs: number;
}

/** Reads `core [--json] [--quick] [--only <part of a measure's name>] [--runs 5]`. */
export function readArgs(argv: readonly string[]): Args {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      runs: { type: "string" },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(runs) || runs < 1) {
    throw new Error(`Cannot run ${values.runs} rounds`);
  }
  return {
    suite: positionals[0] ?? "core",
    json: values.json ?? false,
    quick: values.quick ?? false,
    only: (values.only ?? "").toLowerCase(),
    runs,
  };
}
