// The program `errand`, run as its users run it.
import { current, type Runtime } from "../../scripts/runtimes.ts";
import { spawnTs, type TsProcess } from "./spawn.ts";

const MAIN = "src/cli/main.ts";

/** What a run of the program came to. */
export interface Run {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server that runs. */
export interface Served extends TsProcess {
  readonly url: string;
  /** What it said when it began. */
  readonly begun: Readonly<Record<string, unknown>>;
}

/** How the program is run. */
export interface ProgramOptions {
  readonly runtime?: Runtime;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the program. */
export async function program(
  args: readonly string[],
  { runtime = current, env = {} }: ProgramOptions = {},
): Promise<TsProcess> {
  return await spawnTs(runtime, MAIN, { NO_COLOR: "1", ...env }, args);
}

/** Runs the program to its end. */
export async function run(args: readonly string[], options?: ProgramOptions): Promise<Run> {
  await using started = await program(args, options);
  let stdout = "";
  for (;;) {
    const line = await started.nextLine().catch(() => undefined);
    if (line === undefined) break;
    stdout += `${line}\n`;
  }
  return { code: await started.ended, stdout, stderr: started.errors() };
}

/** Starts `errand serve`; resolves when it serves. */
export async function served(
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Served> {
  const started = await program(["serve", "--port", "0", ...args], options);
  const begun = JSON.parse(await started.nextLine());
  return { ...started, begun, url: begun.url };
}
