/**
 * What `--help` shows.
 *
 * @module
 */
import type { Command, Flag } from "./command.ts";
import { type Sink, type Style, styleOf } from "./style.ts";

const WIDTH_MAX = 100;
const WIDTH_MIN = 60;
const INDENT = "  ";
/** The column in which the second column of every table begins. */
const SECOND = 26;

/** The help of `errand`. */
export function overview(commands: readonly Command[], version: string, sink: Sink): string {
  const style = styleOf(sink);
  return page([
    [`${style.bold("errand")} ${version}${
      style.dim("  a durable job queue in one libSQL database")
    }`],
    section(style, "Usage", [`${INDENT}errand COMMAND [options]`]),
    section(style, "Commands", [
      ...table(commands.map(({ name, summary }) => [style.cyan(name), summary]), sink),
    ]),
    section(style, "Options", [
      ...table([
        [style.cyan("--help"), "this page, or that of a command: errand serve --help"],
        [style.cyan("--version"), "the version"],
      ], sink),
    ]),
    section(style, "Examples", examples(commands.flatMap((of) => of.examples.slice(0, 1)), style)),
  ]);
}

/** The help of one command. */
export function manual(of: Command, sink: Sink): string {
  const style = styleOf(sink);
  const groups = [...new Set(Object.values(of.flags).map(({ group }) => group))];
  const operand = of.operand === undefined ? "" : ` ${of.operand}`;
  return page([
    [`${style.bold(`errand ${of.name}`)}${style.dim(`  ${of.summary}`)}`],
    section(style, "Usage", [`${INDENT}errand ${of.name}${operand} [options]`]),
    ...groups.map((group) =>
      section(
        style,
        group,
        table(
          Object.entries(of.flags).filter(([, flag]) => flag.group === group)
            .map(([name, flag]) => [label(name, flag, style), helpOf(flag, style)]),
          sink,
        ),
      )
    ),
    ...of.about.map((text) => wrapped(text, width(sink))),
    section(style, "Examples", examples(of.examples, style)),
  ]);
}

function page(parts: readonly (readonly string[])[]): string {
  return parts.map((lines) => lines.join("\n")).join("\n\n") + "\n";
}

function section(style: Style, title: string, lines: readonly string[]): string[] {
  return [style.bold(title), ...lines];
}

function label(name: string, { value }: Flag, style: Style): string {
  return style.cyan(`--${name}`) + (value === undefined ? "" : ` ${value}`);
}

function helpOf({ help, fallback, env }: Flag, style: Style): string {
  const facts = [
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
    ...(env === undefined ? [] : [`or $${env}`]),
  ];
  return facts.length === 0 ? help : `${help} ${style.dim(`(${facts.join(", ")})`)}`;
}

/** Two columns; what is too long for the first has the second below it. */
function table(rows: readonly (readonly [string, string])[], sink: Sink): string[] {
  const margin = " ".repeat(SECOND);
  return rows.flatMap(([name, text]) => {
    const [head = "", ...rest] = wrapped(text, width(sink) - SECOND);
    const room = SECOND - INDENT.length - seen(name);
    const first = room >= INDENT.length
      ? [INDENT + name + " ".repeat(room) + head]
      : [INDENT + name, margin + head];
    return [...first, ...rest.map((more) => margin + more)];
  });
}

function examples(
  lines: readonly (readonly [line: string, purpose: string])[],
  style: Style,
): string[] {
  return lines.flatMap(([line, purpose]) => [
    style.dim(`${INDENT}# ${purpose}`),
    `${INDENT}${line}`,
  ]);
}

function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && seen(last) + 1 + seen(word) <= room) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** How many columns a text takes up: what paints it takes none. */
function seen(text: string): number {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/\x1b\[\d+m/g, "").length;
}

function width({ columns = WIDTH_MAX }: Sink): number {
  return Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, columns));
}
