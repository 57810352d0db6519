/**
 * What the values of flags mean.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { durationMs } from "../duration.ts";
import type { LogLevel } from "../logger.ts";
import { type LoadedTasks, loadTasks } from "../process/load-tasks.ts";
import type { WorkerOptions } from "../worker-options.ts";
import { misused, Refusal } from "./command.ts";

/** A whole number. @throws {Refusal} */
export function wholeNumber(text: string, flag: string, from: number, to: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  throw misused(`Cannot use "${text}" as --${flag}: it is a whole number from ${from} to ${to}`);
}

/** A duration. @throws {Refusal} */
export function milliseconds(text: string, flag: string): number {
  try {
    return durationMs(/^\d+$/.test(text) ? Number(text) : text as `${number}s`, flag);
  } catch (error) {
    throw misused((error as Error).message.replace(`as ${flag}`, `as --${flag}`));
  }
}

/** Names, parted by commas. @throws {Refusal} */
export function names(text: string, flag: string): readonly string[] {
  const all = text.split(",").map((name) => name.trim());
  if (all.every((name) => name !== "")) return all;
  throw misused(`Cannot use "${text}" as --${flag}: a name is missing`);
}

/** A level of messages. @throws {Refusal} */
export function level(text: string): LogLevel {
  const levels = ["silent", "error", "warn", "info", "debug"] as const;
  const found = levels.find((each) => each === text);
  if (found !== undefined) return found;
  throw misused(`Cannot use "${text}" as --log-level: levels are ${levels.join(", ")}`);
}

/** What the worker is told by flags. */
export interface WorkerFlags {
  readonly queues?: string;
  readonly concurrency?: string;
  readonly lease?: string;
  readonly grace: string;
}

const CONCURRENCY = 10;
const CONCURRENCY_MAX = 10_000;

/** The options of the worker. @throws {Refusal} */
export function workerOptions(
  { queues, concurrency, lease, grace }: WorkerFlags,
): WorkerOptions & { readonly grace: number } {
  const most = concurrency === undefined
    ? undefined
    : wholeNumber(concurrency, "concurrency", 1, CONCURRENCY_MAX);
  return {
    ...(queues !== undefined && { queues: queueLimits(queues, most ?? CONCURRENCY) }),
    ...(most !== undefined && { concurrency: most }),
    ...(lease !== undefined && { lease: milliseconds(lease, "lease") }),
    grace: milliseconds(grace, "grace"),
  };
}

/** `a=4,b`: a queue without a number may have as many jobs at once as there may be in all. */
function queueLimits(text: string, most: number): NonNullable<WorkerOptions["queues"]> {
  const all = names(text, "queues");
  if (!text.includes("=")) return all;
  return Object.fromEntries(all.map((each) => {
    const [name = "", limit] = each.split("=");
    if (name === "") throw misused(`Cannot use "${each}" as --queues: a name is missing`);
    return [name, limit === undefined ? most : wholeNumber(limit, "queues", 1, CONCURRENCY_MAX)];
  }));
}

/** The tasks of a module by its path, or its URL. @throws {Refusal} */
export async function tasksOf(module: string, act: string): Promise<LoadedTasks> {
  const isUrl = /^[a-z][a-z\d+.-]+:/i.test(module);
  if (!isUrl && !existsSync(module)) {
    throw new Refusal(`Cannot ${act}: its module ${module} does not exist`);
  }
  try {
    return await loadTasks(isUrl ? module : pathToFileURL(resolve(module)).href, act);
  } catch (error) {
    throw new Refusal((error as Error).message, 1, error);
  }
}
