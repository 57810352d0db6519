import process from "node:process";
import type { Figures, Params } from "../harness/types.ts";

/** What a subject can measure, by name. */
export type Measurements = Readonly<
  Record<string, (params: Params) => Promise<Figures>>
>;

/** Runs the measure that the harness asks for and prints its figures as one JSON line. */
export async function runSubject(measurements: Measurements): Promise<void> {
  const [measure = "", params = "{}"] = process.argv.slice(2);
  const run = measurements[measure];
  if (run === undefined) {
    throw new Error(
      `Cannot measure ${measure}: this subject has no such measure`,
    );
  }
  console.log(JSON.stringify(await run(JSON.parse(params) as Params)));
  process.exit(0);
}

/** Jobs a second. */
export function perSecond(jobs: number, milliseconds: number): number {
  return jobs / milliseconds * 1_000;
}

/** Stops the run when the subject did not do what it is measured for. */
export function expectEqual(
  what: string,
  actual: unknown,
  expected: unknown,
): void {
  if (actual !== expected) {
    throw new Error(`Error: ${what} is ${actual}, not ${expected}`);
  }
}
