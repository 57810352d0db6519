import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startSqld } from "../../../test/support/sqld.ts";
import { current, tsArgs } from "../../runtimes.ts";
import process from "node:process";

/** A libSQL server with an empty database, as far away as a measure asks for. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts sqld on loopback, behind a proxy in a process of its own where round trips take time. */
export async function startBenchServer(
  roundTripMs: number,
): Promise<BenchServer> {
  const sqld = await startSqld();
  if (roundTripMs === 0) return sqld;
  const proxy = await startProxy(sqld.url, roundTripMs).catch(async (error) => {
    await sqld[Symbol.asyncDispose]();
    throw error;
  });
  return {
    url: proxy.url,
    async [Symbol.asyncDispose]() {
      proxy.kill();
      await sqld[Symbol.asyncDispose]();
    },
  };
}

const PROXY = fileURLToPath(new URL("proxy.ts", import.meta.url));

function startProxy(
  target: string,
  roundTripMs: number,
): Promise<{ url: string; kill(): void }> {
  const args = [...tsArgs(current, PROXY), target, String(roundTripMs)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      process.off("exit", kill);
      reject(new Error(`Cannot start the proxy: it ended with code ${code}`));
    });
    child.stdout.once(
      "data",
      (chunk: unknown) => resolve({ url: String(chunk).trim(), kill }),
    );
  });
}
