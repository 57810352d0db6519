/**
 * Reading what a request says, within bounds.
 *
 * @module
 */
import * as v from "valibot";
import { pathText } from "../codec.ts";
import { ErrandError, invalid, type Issue } from "../errors.ts";
import { boundedBytes } from "./body.ts";
import { Problem } from "./problem.ts";
import type { Schema } from "./route.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** What `schema` makes of `value`. @throws {ErrandError} `INVALID_INPUT` with all issues. */
export function parsed(schema: Schema, value: unknown, what: string): unknown {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.flatMap(toIssues).slice(0, ISSUES_MAX);
  throw invalid(
    `Cannot use the ${what}: ` +
      issues.map(({ path, message }) => `${what}${pathText(path)}: ${message}`).join("; "),
    issues,
  );
}

const ISSUES_MAX = 20;

/** Of alternatives, what is wrong with the one that comes nearest. Values are not repeated. */
function toIssues(issue: v.BaseIssue<unknown>): Issue[] {
  const path = (issue.path ?? []).map(({ key }) =>
    typeof key === "number" || typeof key === "string" ? key : String(key)
  );
  if (issue.kind === "schema" && issue.issues !== undefined) {
    const nearest = issue.issues.flatMap(toIssues).filter(({ path }) => path.length > 0);
    if (nearest.length > 0) {
      return nearest.map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
    }
  }
  return [{ message: said(issue), path }];
}

/** The message of the schema's author, or what was expected: never what was sent. */
function said({ message, expected, received, type }: v.BaseIssue<unknown>): string {
  const own = !/^Invalid /.test(message);
  if (own) return message;
  if (expected === "never") return "is not known here";
  if (received === "undefined") return "is missing";
  return `is no ${expected?.replaceAll(/[()]/g, "").replaceAll(" | ", " or ") ?? type}`;
}

/** The query of a URL as an object. @throws {ErrandError} `INVALID_INPUT` for one said twice. */
export function queryOf(url: string): Record<string, string> {
  const from = url.indexOf("?");
  const query: Record<string, string> = {};
  if (from === -1) return query;
  for (const [name, value] of new URLSearchParams(url.slice(from + 1).split("#", 1)[0])) {
    if (Object.hasOwn(query, name)) {
      const message = "is said more than once";
      throw invalid(`Cannot use the query: ${message}`, [{ message, path: [name] }]);
    }
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  return query;
}

/**
 * The JSON of a request's body; `undefined` when it has none.
 *
 * @throws {ErrandError} `PAYLOAD_TOO_LARGE`; `INVALID_INPUT` for what is no JSON; a `Problem` 415.
 */
export async function jsonBody(request: Request, limitBytes: number): Promise<unknown> {
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) throw wrongType(`its type is ${type.slice(0, 80)}`);
  const coding = request.headers.get("content-encoding");
  if (coding !== null && coding !== "identity") throw wrongType("it is compressed");
  const bytes = await boundedBytes(request, limitBytes);
  if (bytes === undefined) {
    throw new ErrandError(
      "PAYLOAD_TOO_LARGE",
      `Cannot read the body: it has more than ${limitBytes} bytes`,
    );
  }
  if (bytes.byteLength === 0) return undefined;
  if (type === null) throw wrongType("it has no type");
  return parsedJson(bytes);
}

function parsedJson(bytes: ArrayBuffer | Uint8Array): unknown {
  let text: string;
  try {
    text = DECODER.decode(bytes);
  } catch {
    throw invalid("Cannot read the body: it is no UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("Cannot read the body: it is no JSON"); // what an engine says repeats the text
  }
}

function isJson(type: string): boolean {
  return type === "application/json" ||
    /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type);
}

function wrongType(fact: string): Problem {
  return new Problem({
    status: 415,
    detail: `Cannot read the body: ${fact}; send JSON with "content-type: application/json"`,
  }, { accept: "application/json" });
}
