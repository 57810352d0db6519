/**
 * Pages of other origins: loaded where some may call the API.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { ApiSettings } from "./options.ts";

/** Answers the questions that browsers ask before they send a request. */
export function corsHandler(
  { origins, maxAgeSeconds }: NonNullable<ApiSettings["cors"]>,
): MiddlewareHandler {
  return cors({
    origin: origins === "*" ? "*" : [...origins],
    allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowHeaders: ["authorization", "content-type", "idempotency-key", "last-event-id", "prefer"],
    exposeHeaders: ["etag", "retry-after", "www-authenticate"],
    maxAge: maxAgeSeconds,
  });
}
