/**
 * Errors as RFC 9457 has them on the wire.
 *
 * @module
 */
import { ErrandError, type ErrorCode } from "../errors.ts";
import { SECURE } from "./answer.ts";
import type { ProblemBody } from "./wire.ts";

/** Which status stands for which code. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  LEASE_LOST: 409,
  PAYLOAD_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  DATABASE_BUSY: 503,
  DATABASE_UNAVAILABLE: 503,
  SCHEMA_TOO_NEW: 503,
};

/** The names of the statuses that a problem may have. */
export const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

type Headers = Readonly<Record<string, string>>;

/** A problem that is thrown: for what no `ErrandError` stands for. */
export class Problem extends Error {
  /** What it tells. */
  readonly body: Omit<ProblemBody, "title">;
  /** Headers of its response. */
  readonly headers: Headers;

  /** Made by whoever finds the problem. */
  constructor(body: Omit<ProblemBody, "title">, headers: Headers = {}) {
    super(body.detail);
    this.body = body;
    this.headers = headers;
  }
}

/** The response for a problem. */
export function problem(body: Omit<ProblemBody, "title">, headers: Headers = {}): Response {
  const text = JSON.stringify({ title: TITLES[body.status] ?? "Error", ...body });
  return new Response(text, {
    status: body.status,
    headers: {
      ...SECURE,
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** The response for what was thrown; what is no error of the library tells nothing of itself. */
export function problemOf(error: unknown): Response {
  if (error instanceof Problem) return problem(error.body, error.headers);
  if (!(error instanceof ErrandError)) {
    return problem({ status: 500, detail: "Cannot answer: see the server's log" });
  }
  const { code, message: detail, issues } = error;
  const status = STATUS[code];
  const headers = HEADERS[status];
  return problem({ status, detail, code, ...(issues.length > 0 && { issues }) }, headers);
}

const HEADERS: Readonly<Record<number, Headers>> = {
  401: { "www-authenticate": `Bearer realm="errand"` },
  429: { "retry-after": "1" },
  503: { "retry-after": "1" },
};
