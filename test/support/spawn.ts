import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { findRuntime, root, type Runtime, tsArgs } from "../../scripts/runtimes.ts";

/** How a child process ended: its exit code, or the name of the signal that ended it. */
export type Ending = number | string;

/** A program that runs in a process of its own; disposal ends it with SIGKILL. */
export interface TsProcess extends AsyncDisposable {
  readonly pid: number;
  /** Settles when the process has ended and all that it printed was read. */
  readonly ended: Promise<Ending>;
  /** What it has printed to its standard error until now. */
  errors(): string;
  /** The next line of its standard output; rejects, with what it printed, if there is none. */
  nextLine(): Promise<string>;
  /** Sends a signal, SIGKILL by default, and waits for the end. */
  kill(signal?: "SIGKILL" | "SIGTERM" | "SIGINT"): Promise<Ending>;
}

/** Starts a TypeScript file, its path relative to the project's folder, under a runtime. */
export async function spawnTs(
  runtime: Runtime,
  file: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<TsProcess> {
  const command = findRuntime(runtime);
  if (command === undefined) {
    throw new Error(`Cannot start ${file}: ${runtime} is not here`);
  }
  return await spawnProgram(command, [...tsArgs(runtime, file), ...args], env);
}

/** Starts any program in the project's folder. */
export async function spawnProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TsProcess> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  await once(child, "spawn");
  return watch(child, [command, ...args].join(" "));
}

function watch(child: ChildProcess, name: string): TsProcess {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) {
    throw new Error(`Cannot watch ${name}: its output is not piped`);
  }
  let errors = "";
  stderr.on(
    "data",
    (chunk: Uint8Array) => errors += new TextDecoder().decode(chunk),
  );
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();

  // a child must not outlive the tests, not even when they stop in the middle
  const killChild = (): boolean => child.kill("SIGKILL");
  process.once("exit", killChild);
  const ended = new Promise<Ending>((resolve) => {
    child.once("close", (code, signal) => {
      process.off("exit", killChild);
      resolve(code ?? signal ?? "unknown");
    });
  });

  const kill: TsProcess["kill"] = (signal = "SIGKILL") => {
    // Deno takes a child for ended by the signal that was sent, whatever the child made of it
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal);
    return ended;
  };
  return {
    pid: child.pid ?? 0,
    ended,
    errors: () => errors,
    kill,
    async nextLine() {
      const { value, done } = await lines.next();
      if (!done) return value;
      throw new Error(
        `${name} ended with ${await ended} and no further line:\n${errors}`,
      );
    },
    async [Symbol.asyncDispose]() {
      await kill();
    },
  };
}
