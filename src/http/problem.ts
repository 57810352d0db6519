/**
 * Errors as RFC 9457 has them on the wire.
 *
 * @module
 */
import { ErrandError, type ErrorCode } from "../errors.ts";
import type { ProblemBody } from "./wire.ts";

/** Which status stands for which code. */
export const STATUS = {
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
} as const satisfies Record<ErrorCode, number>;

const TITLES: Readonly<Record<number, string>> = {
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

/** The response for a problem. */
export function problem(
  body: Omit<ProblemBody, "title">,
  headers: HeadersInit = {},
): Response {
  const text = JSON.stringify({ title: TITLES[body.status] ?? "Error", ...body });
  return new Response(text, {
    status: body.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** The response for what was thrown; what is no error of the library tells nothing of itself. */
export function problemOf(error: unknown): Response {
  if (!(error instanceof ErrandError)) {
    return problem({ status: 500, detail: "Cannot answer: see the server's log" });
  }
  const { code, message: detail, issues } = error;
  const status = STATUS[code];
  const headers = status === 503 ? { "retry-after": "1" } : undefined;
  return problem({ status, detail, code, ...(issues.length > 0 && { issues }) }, headers);
}
