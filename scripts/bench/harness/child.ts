import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { findRuntime, root } from "../../runtimes.ts";
import { builtPath } from "./build.ts";
import { bench } from "./folders.ts";
import { startBenchServer } from "./server.ts";
import type { Figures, Params, Sizes, Subject } from "./types.ts";

/** Runs one subject once, in its own process and a fresh folder, and returns its figures. */
export async function runChild(
  subject: Subject,
  sizes: Sizes,
): Promise<Figures> {
  const runtime = findRuntime(subject.runtime);
  if (runtime === undefined) {
    throw new Error(`${subject.runtime} is not installed`);
  }
  const folder = mkdtempSync(join(tmpdir(), "errand-bench-"));
  const file = subject.runtime === "node" ? builtPath(subject.file) : join(bench, subject.file);
  await using server = subject.server &&
    await startBenchServer(subject.server.roundTripMs);
  const at = server === undefined ? {} : { url: server.url };
  const params: Params = {
    ...sizes,
    concurrency: 1,
    ...subject.params,
    ...at,
    folder,
  };
  const args = [
    ...(subject.flags ?? []),
    file,
    subject.measure,
    JSON.stringify(params),
  ];
  try {
    return JSON.parse(await lastLine(runtime, args)) as Figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lastLine(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LOG_LEVEL: "error" };
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: unknown) => stdout += String(chunk));
    child.stderr.on("data", (chunk: unknown) => stderr += String(chunk));
    child.on("error", reject);
    child.on("close", (code: number | null) => {
      if (code === 0) return resolve(stdout.trimEnd().split("\n").at(-1) ?? "");
      reject(new Error(reason(stderr) || `it ended with code ${code}`));
    });
  });
}

// The line that names the error, not the whole stack.
function reason(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "")
    .trim().slice(0, 200);
}
