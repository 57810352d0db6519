/**
 * Where the library's own messages go: nowhere, unless a logger is given.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";

/** What Errand needs of a logger; `console` is one. */
export interface Logger {
  /** Detail for finding faults. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What happens in normal work. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Something is odd, and was handled. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Something failed that someone should look at. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Which messages reach the logger: those of this level and the graver ones. */
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

const LEVELS: readonly LogLevel[] = ["silent", "error", "warn", "info", "debug"];
const nothing = (): void => {};

/** `logger` with everything below `level` left out. */
export function leveled(logger: Logger | undefined, level: LogLevel): Logger {
  if (!LEVELS.includes(level)) {
    throw invalid(`Cannot use ${show(level)} as logLevel: levels are ${LEVELS.join(", ")}`);
  }
  const lacks = (["debug", "info", "warn", "error"] as const)
    .filter((of) => logger !== undefined && typeof logger?.[of] !== "function");
  if (lacks.length > 0) {
    throw invalid(`Cannot use ${show(logger)} as logger: it has no method ${lacks.join(", ")}`);
  }
  const passes = (of: Exclude<LogLevel, "silent">): Logger["info"] =>
    logger !== undefined && LEVELS.indexOf(of) <= LEVELS.indexOf(level)
      ? logger[of].bind(logger)
      : nothing;
  return {
    debug: passes("debug"),
    info: passes("info"),
    warn: passes("warn"),
    error: passes("error"),
  };
}
