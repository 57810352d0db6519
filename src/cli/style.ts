/**
 * Letters in bold, colour and grey, where a terminal shows them.
 *
 * @module
 */
import process from "node:process";

/** How text may look. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  cyan(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

/** Where text goes, and whether a person reads it there. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The style for a stream: plain where it is no terminal, or `NO_COLOR` is set. */
export function styleOf({ isTTY }: Sink): Style {
  const { NO_COLOR, TERM } = process.env;
  const colours = isTTY === true && !NO_COLOR && TERM !== "dumb";
  const painted = (on: number, off: number) => (text: string): string =>
    colours ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: painted(1, 22),
    dim: painted(2, 22),
    cyan: painted(36, 39),
    yellow: painted(33, 39),
    red: painted(31, 39),
  };
}
