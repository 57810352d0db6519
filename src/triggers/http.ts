/**
 * A trigger for everything that can send a request: Vercel Cron, GitHub Actions, crontab and curl,
 * the nudge of another Errand.
 *
 * @example
 * ```ts
 * import { defineTask } from "errand";
 * import { httpTrigger } from "errand/triggers/http";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * export const handler = httpTrigger(
 *   { url: "file:errand.db", tasks: [greet] },
 *   { secret: "32 random bytes as text: openssl rand -base64 32" },
 * );
 * ```
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import type { RunSummary } from "../drain.ts";
import { type Duration, durationMs } from "../duration.ts";
import { ErrandError, invalid } from "../errors.ts";
import { boundedBytes } from "../http/body.ts";
import { json } from "../http/answer.ts";
import { problem, problemOf } from "../http/problem.ts";
import type { RunOptions } from "../run.ts";
import { sameSecret, signatureFault } from "../signature.ts";
import { type Message, once } from "./once.ts";
import { type ErrandSource, opened } from "./opened.ts";

export type { ErrandSource } from "./opened.ts";

/** Who may start a run, and how it goes. */
export interface HttpTriggerOptions extends RunOptions {
  /**
   * What a caller must know: 16 characters at least. It is sent as `Authorization: Bearer`, or
   * signs the request as Standard Webhooks has it.
   */
  readonly secret: string;
  /** Which of the two is accepted. @default "any" */
  readonly accept?: "any" | "bearer" | "signature";
  /** How far the clock of one who signs may be from this one. @default "5m" */
  readonly tolerance?: Duration;
  /** Where time comes from: for tests. */
  readonly clock?: Clock;
}

/** What a host may offer beside the request. */
export interface HttpTriggerContext {
  /** Keeps the function alive until the promise has settled. */
  waitUntil?(work: Promise<unknown>): void;
}

/** What serves requests. */
export type HttpTrigger = (request: Request, context?: HttpTriggerContext) => Promise<Response>;

/** Nothing in the body of a request is needed. */
const BODY_MAX_BYTES = 16 * 1024;
const SECRET_MIN = 16;

/**
 * Makes what serves `GET` and `POST` by a run, and answers its summary as JSON; `source` is an
 * Errand, or how to open one for each request. A request that prefers not to wait (`Prefer:
 * respond-async`) is answered with 202 at once where the host offers `waitUntil`. A signed request
 * that is sent again with the same id does nothing, and is answered with 409.
 *
 * @throws {ErrandError} `INVALID_INPUT` for unusable options.
 */
export function httpTrigger(
  source: ErrandSource | (() => ErrandSource | Promise<ErrandSource>),
  options: HttpTriggerOptions,
): HttpTrigger {
  const guard = checked(options);
  const run = async (message: Message | undefined): Promise<RunSummary | undefined> =>
    await opened(
      typeof source === "function" ? await source() : source,
      async (errand) =>
        message === undefined
          ? await errand.run(options)
          : await once(errand, message, () => errand.run(options)),
    );
  return async (request, context) => {
    const admitted = await admission(request, guard);
    if (admitted instanceof Response) return admitted;
    const running = run(admitted);
    const kept = running.catch(() => {}); // who waits for it, or its `error` event, tells
    if (context?.waitUntil !== undefined) {
      context.waitUntil(kept);
      if (prefersAsync(request)) {
        return new Response(null, {
          status: 202,
          headers: { "preference-applied": "respond-async" },
        });
      }
    }
    try {
      const summary = await running;
      return summary === undefined ? replayed() : json(summary);
    } catch (error) {
      return failedRun(error);
    }
  };
}

interface Guard {
  readonly secret: string;
  readonly accept: "any" | "bearer" | "signature";
  readonly toleranceMs: number;
  readonly clock: Clock;
}

function checked(options: HttpTriggerOptions): Guard {
  const { secret, accept = "any", tolerance = "5m", clock = systemClock } = options;
  if (typeof secret !== "string" || secret.length < SECRET_MIN) {
    throw invalid(
      `Cannot guard a trigger: its secret has not ${SECRET_MIN} characters; ` +
        `"openssl rand -base64 32" makes one`,
    );
  }
  return { secret, accept, toleranceMs: durationMs(tolerance, "tolerance"), clock };
}

/** Why a request is refused, or the message to be served once, if it is one. */
async function admission(request: Request, guard: Guard): Promise<Response | Message | undefined> {
  const { method, headers } = request;
  if (method !== "GET" && method !== "POST") {
    const detail = `Cannot run by ${method}: send GET or POST`;
    return problem({ status: 405, detail }, { allow: "GET, POST" });
  }
  const { secret, accept, toleranceMs, clock } = guard;
  const bearer = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined && accept !== "signature") {
    return await sameSecret(bearer, secret) ? undefined : unauthorized("its token is wrong");
  }
  if (accept === "bearer") return unauthorized("it has no token");
  const bytes = await boundedBytes(request, BODY_MAX_BYTES);
  if (bytes === undefined) {
    const detail = `Cannot run: the body has more than ${BODY_MAX_BYTES} bytes`;
    return problem({ status: 413, detail, code: "PAYLOAD_TOO_LARGE" });
  }
  const times = { nowMs: clock.now(), toleranceMs };
  const body = new TextDecoder().decode(bytes);
  const fault = await signatureFault(secret, { headers, body }, times);
  // signed up to the tolerance ahead of now, it is good for so long again
  if (fault === undefined) return { id: headers.get("webhook-id")!, forMs: 2 * toleranceMs };
  return unauthorized(
    fault === "missing" ? "it has neither token nor signature" : `its signature is ${fault}`,
  );
}

function unauthorized(fact: string): Response {
  const detail = `Cannot accept the request: ${fact}`;
  return problem({ status: 401, detail, code: "UNAUTHORIZED" }, {
    "www-authenticate": "Bearer",
  });
}

function replayed(): Response {
  const detail = "Cannot accept the request: it was received before";
  return problem({ status: 409, detail, code: "CONFLICT" });
}

/** What a run throws is no fault of whoever asked for it. */
function failedRun(error: unknown): Response {
  const answer = problemOf(error);
  if (answer.status >= 500 || !(error instanceof ErrandError)) return answer;
  return problem({ status: 500, detail: error.message, code: error.code });
}

function prefersAsync(request: Request): boolean {
  return /(^|,)\s*respond-async\s*(;|,|$)/i.test(request.headers.get("prefer") ?? "");
}
