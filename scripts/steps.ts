// Runs named commands one after another and sums them up, so that no failure hides another.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { root } from "./runtimes.ts";

/** One command of a run. */
export interface Step {
  readonly name: string;
  /** The executable; undefined when it was not found, which fails the step. */
  readonly command: string | undefined;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs every step in the project's folder, prints a summary and exits, with 1 if one failed. */
export function runSteps(steps: readonly Step[]): never {
  const results = steps.map(runStep);
  console.log(results.map(({ line }) => line).join("\n"));
  process.exit(results.every(({ ok }) => ok) ? 0 : 1);
}

function runStep({ name, command, args, env }: Step): { ok: boolean; line: string } {
  if (command === undefined) return { ok: false, line: `${name}: NOT FOUND` };
  console.log(`--- ${name}`);
  const startedAt = Date.now();
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const ok = status === 0;
  const verdict = ok ? "ok" : `FAILED (${error?.message ?? signal ?? `exit code ${status}`})`;
  return { ok, line: `${name}: ${verdict}, ${Date.now() - startedAt} ms` };
}
