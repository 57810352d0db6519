import { readFile } from "node:fs/promises";
import type { Runtime } from "../../scripts/runtimes.ts";
import { type Entry, parseLog } from "../torture/log.ts";
import { spawnTs, type TsProcess } from "./spawn.ts";
import type { TempDir } from "./temp.ts";

/** Worker processes on one file that note every run of a job of task `mark` in one log. */
export interface Crew extends AsyncDisposable {
  readonly all: readonly TsProcess[];
  /** What the log says, by job. */
  log(): Promise<Map<string, Entry[]>>;
  /** Ends a worker as a user does. */
  stop(worker: TsProcess): Promise<void>;
}

/** Where a crew in `dir` works. */
export function crewUrl(dir: TempDir): string {
  return `file:${dir.file("errand.db")}`;
}

/** Starts a worker on each of `runtimes`; resolves when all of them have looked for jobs. */
export async function startCrew(
  dir: TempDir,
  runtimes: readonly Runtime[],
  leaseMs: number,
): Promise<Crew> {
  const path = dir.file("runs.log");
  const env = {
    TORTURE_URL: crewUrl(dir),
    TORTURE_LOG: path,
    TORTURE_LEASE: `${leaseMs}`,
  };
  const all = await Promise.all(
    runtimes.map((runtime) => spawnTs(runtime, "test/torture/worker.ts", env)),
  );
  for (const worker of all) await expectLine(worker, "ready");
  return {
    all,
    log: async () => parseLog(await readFile(path, "utf8")),
    stop: async (worker) => {
      const ending = worker.kill("SIGTERM");
      await expectLine(worker, "stopped");
      await ending;
    },
    [Symbol.asyncDispose]: async () => void await Promise.all(all.map((worker) => worker.kill())),
  };
}

async function expectLine(worker: TsProcess, expected: string): Promise<void> {
  const line = await worker.nextLine();
  if (line !== expected) {
    throw new Error(`Cannot go on: the worker said ${line}`);
  }
}
