/**
 * What a server has answered: a value, or why there is none.
 *
 * @module
 */
import { ErrandError, type ErrorCode } from "../errors.ts";
import type { ProblemBody } from "../http/wire.ts";

/** What became of a request. */
export type Answer =
  | { readonly value: unknown }
  /** It shall not be sent again. */
  | { readonly refused: ErrandError }
  /** It may have been carried out, or not, and may be sent again, `afterMs` from now or later. */
  | { readonly failed: ErrandError; readonly afterMs: number };

/** More than a page of jobs with payloads of a common size will ever have. */
const ANSWER_MAX_BYTES = 256 * 1024 * 1024;

/** Reads what `url` has answered. Throws what reading throws: then the answer was cut off. */
export async function readAnswer(url: string, response: Response): Promise<Answer> {
  const { status, headers } = response;
  if (response.type === "opaqueredirect" || (status >= 300 && status < 400)) {
    const to = headers.get("location");
    return refusal(url, `it redirects${to === null ? "" : ` to ${to}`}: connect to where it leads`);
  }
  if (Number(headers.get("content-length") ?? 0) > ANSWER_MAX_BYTES) {
    await response.body?.cancel();
    return refusal(url, `its answer is larger than ${ANSWER_MAX_BYTES} bytes: ask for fewer jobs`);
  }
  const text = await response.text();
  const type = headers.get("content-type") ?? "no content type";
  const value: unknown = /^application\/(problem\+)?json\b/.test(type)
    ? JSON.parse(text)
    : undefined;
  if (response.ok && (value !== undefined || status === 204)) return { value };
  const problem = asProblem(value);
  const repeatable = isRepeatable(status) && problem?.code !== "SCHEMA_TOO_NEW";
  if (repeatable) {
    return { failed: errorOf(url, response, problem), afterMs: retryAfterMs(headers) };
  }
  if (problem !== undefined) return { refused: errorOf(url, response, problem) };
  if (status === 413) return { refused: errorOf(url, response, undefined) };
  return refusal(
    url,
    `it answered ${status} with ${type}, as no API of Errand does; is this where one is mounted?`,
  );
}

/** The error of a server that could not be used. */
export function unavailable(url: string, fact: string, cause?: unknown): ErrandError {
  const options = cause === undefined ? {} : { cause };
  return new ErrandError("DATABASE_UNAVAILABLE", `Cannot use the API at ${url}: ${fact}`, options);
}

function refusal(url: string, fact: string): Answer {
  return { refused: unavailable(url, fact) };
}

/** The server, or what stands before it, had no time, or nobody knows what became of it. */
function isRepeatable(status: number): boolean {
  return status === 408 || status === 429 || status > 501;
}

function asProblem(value: unknown): ProblemBody | undefined {
  const { detail } = (value ?? {}) as Partial<ProblemBody>;
  return typeof detail === "string" ? value as ProblemBody : undefined;
}

/** Where a status says what the problem itself does not: of a proxy that stands before the API. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  413: "PAYLOAD_TOO_LARGE",
  429: "RATE_LIMITED",
};

function errorOf(
  url: string,
  { status }: Response,
  problem: ProblemBody | undefined,
): ErrandError {
  const { detail, code, issues = [] } = problem ?? {};
  if (code !== undefined && detail !== undefined) return new ErrandError(code, detail, { issues });
  const fact = `it answered ${status}${detail === undefined ? "" : `: ${detail}`}`;
  const known = CODES[status];
  if (known === undefined) return unavailable(url, fact);
  return new ErrandError(known, `Cannot use the API at ${url}: ${fact}`);
}

/** By seconds or by a date, as RFC 9110 has it. */
function retryAfterMs(headers: Headers): number {
  const said = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(said)) return Number(said) * 1_000;
  const [at, now] = [Date.parse(said), Date.parse(headers.get("date") ?? "")];
  return at > now ? at - now : 0;
}
