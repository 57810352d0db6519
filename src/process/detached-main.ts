/**
 * The program of a detached worker: `detached-main.ts FOLDER`.
 *
 * @module
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../clock.ts";
import { Errand } from "../errand.ts";
import { ErrandError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkedSettings } from "../options.ts";
import { openStore } from "../store/open.ts";
import { type Duty, takeUp } from "./duty.ts";
import { loadTasks } from "./load-tasks.ts";
import type { Answer, Order } from "./order.ts";

const folder = process.argv.at(-1)!;
const parent = process.ppid;

/** Messages for the log file, if there is one. */
const log: Logger = {
  debug: () => {},
  info: (message, fields) => print("info", message, fields),
  warn: (message, fields) => print("warn", message, fields),
  error: (message, fields) => print("error", message, fields),
};

try {
  const errand = await work();
  await errand?.close();
} catch (error) {
  log.error("The detached worker cannot go on", { error });
  await answer(toAnswer(error));
  process.exitCode = 1;
}
// who started this removes the folder, unless it was gone before the answer
if (process.ppid !== parent) await rm(folder, { recursive: true, force: true });
process.exit(); // whatever the tasks' modules have left open

/** Begins, says so, and works to the end; `undefined` when another one does already. */
async function work(): Promise<Errand | undefined> {
  const { errand, duty } = await begin(await readOrder());
  if (duty === undefined) {
    await answer({ started: false });
    return errand;
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void duty.stop());
  }
  await answer({ started: true });
  await duty.done;
  return errand;
}

async function readOrder(): Promise<Order> {
  const path = join(folder, "order.json");
  const text = await readFile(path, "utf8");
  await rm(path); // it may hold keys
  return JSON.parse(text);
}

async function begin(order: Order): Promise<{ errand: Errand; duty: Duty | undefined }> {
  const { errand: options, worker, drain, mark } = order;
  const { tasks, ...functions } = await loadTasks(order.module, "start a detached worker");
  const { queues = [...new Set(tasks.map(({ queue }) => queue))] } = worker;
  const names = Array.isArray(queues) ? queues as string[] : Object.keys(queues);
  const errand = await Errand.open({ ...options, tasks, logger: log, ...functions });
  const { marks } = await openStore(checkedSettings(options).store);
  const duty = { errand, marks, worker, drain, queues: names };
  return { errand, duty: await takeUp(mark === undefined ? duty : { ...duty, mark }) };
}

/** In one step, as it may be read at any moment. */
async function answer(answer: Answer): Promise<void> {
  const path = join(folder, "answer.json");
  try {
    await writeFile(`${path}.new`, JSON.stringify(answer));
    await rename(`${path}.new`, path);
  } catch (error) {
    log.warn("Nobody waits for the answer", { error }); // it was given before, or it is too late
  }
}

function toAnswer(error: unknown): Answer {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof ErrandError ? error.code : "DATABASE_UNAVAILABLE";
  return { code, message, ...(stack !== undefined && { stack }) };
}

function print(level: string, message: string, fields: Parameters<Logger["info"]>[1] = {}): void {
  const { error, ...rest } = fields;
  const text = error instanceof Error ? error.stack ?? error.message : error;
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : "";
  const time = new Date(systemClock.now()).toISOString();
  const tail = text === undefined ? "" : `\n${text}`;
  process.stdout.write(`${time} ${level} ${message}${more}${tail}\n`);
}
