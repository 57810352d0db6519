/**
 * Errors as RFC 9457 has them on the wire.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";

/** What a problem tells. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code?: string;
}

/** The response for a problem. */
export function problem(problem: Problem, headers: HeadersInit = {}): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** The response for a run that failed; what is no error of the library tells nothing of itself. */
export function failedRun(error: unknown): Response {
  if (!(error instanceof ErrandError)) {
    return problem({
      status: 500,
      title: "Internal Server Error",
      detail: "Cannot run: see its log",
    });
  }
  const { code, message: detail } = error;
  const gone = code === "DATABASE_UNAVAILABLE" || code === "DATABASE_BUSY" ||
    code === "SCHEMA_TOO_NEW";
  return gone
    ? problem({ status: 503, title: "Service Unavailable", detail, code })
    : problem({ status: 500, title: "Internal Server Error", detail, code });
}
