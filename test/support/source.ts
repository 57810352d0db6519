import jsTokens from "js-tokens";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { root } from "../../scripts/runtimes.ts";

/** A piece of a source file. */
export interface Piece {
  readonly text: string;
  readonly line: number;
}

/** One TypeScript file, taken apart so that a rule looks only where it means to. */
export interface Source {
  /** Relative to the project's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, and with the insides of strings, templates and regexes blank. */
  readonly code: string;
  readonly strings: readonly Piece[];
  /** The specifiers of static, dynamic and type imports and of re-exports. */
  readonly imports: readonly Piece[];
}

/** Reads every TypeScript file under the given files and folders of the project. */
export function readSources(...paths: readonly string[]): Source[] {
  return paths
    .filter((path) => existsSync(join(root, path)))
    .flatMap(filesUnder)
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => parseSource(path, readFileSync(join(root, path), "utf8")));
}

/** Takes the text of one file apart. */
export function parseSource(path: string, text: string): Source {
  const strings: Piece[] = [];
  const imports: Piece[] = [];
  let code = "";
  let line = 1;
  let before = ["", ""];
  for (
    const { type, value } of jsTokens(text, { jsx: path.endsWith(".tsx") })
  ) {
    const isString = /String|Template/.test(type);
    if (isString) strings.push({ text: value, line });
    if (isString && isImport(before)) {
      imports.push({
        text: value.slice(1, -1),
        line,
      });
    }
    code += isString || type === "RegularExpressionLiteral"
      ? value[0] + blank(value.slice(1, -1)) + value.slice(1).slice(-1)
      : type.endsWith("Comment")
      ? blank(value)
      : value;
    line += value.split("\n").length - 1;
    if (!/Comment|WhiteSpace|LineTerminator/.test(type)) {
      before = [
        before[1] ?? "",
        value,
      ];
    }
  }
  return { path, text, code, strings, imports };
}

/** The path that a relative import of a source means; undefined for any other import. */
export function resolveImport(
  source: Source,
  specifier: string,
): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(source.path), specifier);
}

function filesUnder(path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .map((file) => posix.join(path, file.split(sep).join("/")))
    .sort();
}

function isImport([first, second]: readonly string[]): boolean {
  return second === "from" || second === "import" ||
    (first === "import" && second === "(");
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
