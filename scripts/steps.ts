// Runs named commands one after another and sums them up, so that no failure hides another.
import { spawn } from "node:child_process";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { root } from "./runtimes.ts";

/** One command of a run. */
export interface Step {
  readonly name: string;
  /** The executable; undefined when it was not found, which fails the step. */
  readonly command: string | undefined;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How a step went. */
interface Outcome {
  readonly ok: boolean;
  readonly line: string;
  /** The last of what it printed. */
  readonly tail: string;
}

/** How much of a failed step's output is printed once more below the others', in characters. */
const TAIL_CHARS = 12_000;

/** Runs every step in the project's folder, prints a summary and exits, with 1 if one failed. */
export async function runSteps(steps: readonly Step[]): Promise<never> {
  const outcomes: Outcome[] = [];
  for (const step of steps) outcomes.push(await runStep(step));
  // whoever reads only the end of a log should find there what went wrong
  if (outcomes.length > 1) {
    for (const { ok, line, tail } of outcomes) if (!ok) console.log(`--- ${line}\n${tail}`);
  }
  console.log(outcomes.map(({ line }) => line).join("\n"));
  process.exit(outcomes.every(({ ok }) => ok) ? 0 : 1);
}

async function runStep({ name, command, args, env }: Step): Promise<Outcome> {
  if (command === undefined) return { ok: false, line: `${name}: NOT FOUND`, tail: "" };
  console.log(`--- ${name}`);
  const startedAt = Date.now();
  const child = spawn(command, args, {
    cwd: root,
    stdio: ["inherit", "pipe", "pipe"],
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}), ...env },
  });
  let tail = "";
  const pass = (from: Readable, to: Writable): unknown =>
    from.setEncoding("utf8").on("data", (text: string) => {
      to.write(text);
      tail = (tail + text).slice(-TAIL_CHARS);
    });
  pass(child.stdout, process.stdout);
  pass(child.stderr, process.stderr);
  const [ok, why] = await new Promise<[boolean, string]>((resolve) => {
    child.once("error", (error) => resolve([false, error.message]));
    child.once("close", (code, signal) => resolve([code === 0, signal ?? `exit code ${code}`]));
  });
  const verdict = ok ? "ok" : `FAILED (${why})`;
  return { ok, line: `${name}: ${verdict}, ${Date.now() - startedAt} ms`, tail };
}
