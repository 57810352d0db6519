/**
 * Messages of a process: lines for people on a terminal, JSON elsewhere.
 *
 * @module
 */
import { systemClock } from "../clock.ts";
import { ErrandError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type Sink, type Style, styleOf } from "./style.ts";

type Level = keyof Logger;
type Fields = Readonly<Record<string, unknown>>;

/** Where lines go. */
export interface LogSink extends Sink {
  write(text: string): unknown;
}

/** A logger that writes to `sink`. */
export function logTo(sink: LogSink): Logger {
  const style = styleOf(sink);
  const line = sink.isTTY === true ? (...of: Entry) => textLine(style, ...of) : jsonLine;
  const at = (level: Level) => (message: string, fields: Fields = {}): void => {
    sink.write(line(new Date(systemClock.now()), level, message, fields) + "\n");
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

type Entry = readonly [time: Date, level: Level, message: string, fields: Fields];

function jsonLine(...[time, level, message, fields]: Entry): string {
  const told = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error ? toldError(value) : value,
  ]);
  return JSON.stringify({ time, level, message, ...Object.fromEntries(told) });
}

function toldError(error: Error): Fields {
  const { name, message, stack, cause } = error;
  return {
    ...{ name, message, stack },
    ...(error instanceof ErrandError && { code: error.code }),
    ...(cause !== undefined && { cause: cause instanceof Error ? cause.message : String(cause) }),
  };
}

function textLine(style: Style, ...[time, level, message, fields]: Entry): string {
  const { error, ...rest } = fields;
  const clock = time.toTimeString().slice(0, 8);
  const told = Object.entries(rest).map(([name, value]) => style.dim(`${name}=`) + short(value));
  const fault = error === undefined ? [] : [error instanceof Error ? error.message : String(error)];
  const head = `${style.dim(clock)} ${painted(style, level)} ${message}`;
  return [head, ...fault, ...told].join("  ");
}

function painted(style: Style, level: Level): string {
  const word = level.padEnd(5);
  if (level === "error") return style.red(word);
  if (level === "warn") return style.yellow(word);
  return level === "info" ? style.cyan(word) : style.dim(word);
}

function short(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 100) / 100);
  if (Array.isArray(value)) return value.map(short).join(", ") || "none";
  return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
}
