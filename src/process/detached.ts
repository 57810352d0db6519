/**
 * Starting a worker in a process of its own, which this one need not outlive.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sleep, systemClock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { ErrandError } from "../errors.ts";
import { checkedSettings } from "../options.ts";
import { openStore } from "../store/open.ts";
import { type Answer, checkedOrder, type DetachedOptions, type Order, orderText } from "./order.ts";

/** What came of the start. */
export type Detached =
  /** The worker runs, in the process of this id. */
  | { readonly started: true; readonly pid: number }
  /** A single one runs already. */
  | { readonly started: false };

const LOOK_MS = 10;

/**
 * Starts a worker in a process of its own; resolves when it works, or another one of its `single`
 * name does. This process may then end.
 *
 * @example
 * ```ts
 * import { Errand } from "errand";
 * import { startDetached } from "errand/process";
 *
 * await using errand = await Errand.open({ url: "file:errand.db" });
 * await errand.enqueue("resize", { path: "a.png" });
 * await startDetached({ url: "file:errand.db", module: "tasks.ts", single: true, drain: true });
 * ```
 *
 * @throws {ErrandError} `INVALID_INPUT` for unusable options, or a module that cannot be loaded or
 * exports no tasks; `DATABASE_UNAVAILABLE` when the database cannot be opened, or the process does
 * not begin in time.
 */
export async function startDetached(options: DetachedOptions): Promise<Detached> {
  const order = checkedOrder(options, (path) => pathToFileURL(resolve(path)).href);
  if (await isHeld(order)) return { started: false };
  const folder = await mkdtemp(join(tmpdir(), "errand-"));
  try {
    await writeFile(join(folder, "order.json"), orderText(order), { mode: 0o600 });
    const child = start(folder, options);
    const timeoutMs = durationMs(options.timeout ?? "30s", "timeout");
    const answer = await answered(child, folder, timeoutMs);
    if ("code" in answer) throw toError(answer);
    return answer.started ? { started: true, pid: child.pid! } : { started: false };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A look spares a process: the one that is started decides. */
async function isHeld({ errand, mark }: Order): Promise<boolean> {
  if (mark === undefined) return false;
  const store = await openStore(checkedSettings(errand).store);
  try {
    return await store.marks.held(mark);
  } finally {
    await store.close();
  }
}

function start(folder: string, { execArgv, logFile }: DetachedOptions): ChildProcess {
  const file = import.meta.url.endsWith(".ts") ? "./detached-main.ts" : "./detached-main.js";
  const main = new URL(file, import.meta.url);
  const runtimeArgs = execArgv ?? ("Deno" in globalThis ? ["run", "-A"] : process.execArgv);
  const path = main.protocol === "file:" ? fileURLToPath(main) : main.href;
  const log = logFile === undefined ? "ignore" : openSync(logFile, "a");
  try {
    const child = spawn(process.execPath, [...runtimeArgs, path, folder], {
      detached: true,
      windowsHide: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    return child;
  } finally {
    if (log !== "ignore") closeSync(log);
  }
}

async function answered(child: ChildProcess, folder: string, timeoutMs: number): Promise<Answer> {
  let end: string | undefined;
  child.once("error", (error) => end = error.message);
  child.once("exit", (code, signal) => end = `it ended with ${signal ?? `exit code ${code}`}`);
  const path = join(folder, "answer.json");
  const untilMs = systemClock.elapsedMs() + timeoutMs;
  for (;;) {
    const fact = end; // before the look: it answers and then ends
    if (existsSync(path)) return JSON.parse(await readFile(path, "utf8"));
    if (fact !== undefined) throw unstarted(`${fact} before it began; logFile keeps what it says`);
    if (systemClock.elapsedMs() > untilMs) {
      child.kill("SIGKILL");
      throw unstarted(`its process did not begin within ${timeoutMs} ms`);
    }
    await sleep(systemClock, LOOK_MS);
  }
}

function unstarted(fact: string): ErrandError {
  return new ErrandError("DATABASE_UNAVAILABLE", `Cannot start a detached worker: ${fact}`);
}

/** The error of the other process, with its own stack as the cause. */
function toError({ code, message, stack }: Extract<Answer, { code: unknown }>): ErrandError {
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  return new ErrandError(code, message, { cause });
}
