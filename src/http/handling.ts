/**
 * Answering a request: it is checked by the row of its route, handed to its handler, and answered,
 * also when something is thrown. Loaded at the first request.
 *
 * @module
 */
import type { Context } from "hono";
import { ErrandError } from "../errors.ts";
import { accepts } from "./accept.ts";
import { noContent } from "./answer.ts";
import { may, type Scope } from "./auth.ts";
import { jsonBody, parsed, queryOf } from "./input.ts";
import { problem, problemOf } from "./problem.ts";
import type { Call, Route } from "./route.ts";
import type { Entry } from "./table.ts";

/** What all calls of an API have. */
export type Serving = Pick<Call, "errand" | "parts" | "settings" | "shared">;

/** The answer of the route of `entry`. */
export async function answer(
  entry: Entry,
  context: Context,
  serving: Serving,
): Promise<Response> {
  const request = context.req.raw;
  const { stopping } = serving.settings;
  if (stopping?.aborted) return ending();
  try {
    return await handled(entry.row ?? await entry.load(), context, serving);
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 }); // nobody hears it
    if (stopping?.aborted && error === stopping.reason) return ending();
    if (!(error instanceof Error && "body" in error) && !(error instanceof ErrandError)) {
      serving.parts.events.emit("error", { error, during: `${entry.method} ${entry.path}` });
    }
    return problemOf(error);
  }
}

/** For what comes, or waits, while the server ends. */
function ending(): Response {
  const detail = "Cannot answer: this server is about to end; ask again";
  const code = "DATABASE_UNAVAILABLE";
  return problem({ status: 503, detail, code }, { "retry-after": "1", connection: "close" });
}

async function handled(route: Route, context: Context, serving: Serving): Promise<Response> {
  const request = context.req.raw;
  const { headers } = request;
  const refused = accepts(headers.get("accept"), route);
  if (refused !== undefined) return refused;
  const proved = route.scope === "open"
    ? NOBODY
    : serving.settings.auth.caller(headers.get("authorization"));
  const caller = proved instanceof Promise ? await proved : proved;
  if (route.scope !== "open") {
    const { rates } = serving.settings;
    const restMs = rates?.take(caller.name, serving.parts.clock.elapsedMs()) ?? 0;
    if (restMs > 0) return limited(restMs);
    if (!may(caller, route.scope)) return forbidden(route.scope);
  }
  const { params, query, body, ownCheck } = route;
  const { errand, parts, settings, shared } = serving;
  const said = body && await jsonBody(request, settings.bodyLimitBytes);
  return route.handle({ // member by member: engines are slow with a spread and more
    errand,
    parts,
    settings,
    shared,
    caller,
    request,
    params: params && parsed(params, context.req.param(), "path"),
    query: query && parsed(query, queryOf(request.url), "query"),
    body: body && ownCheck === undefined ? parsed(body, said, "body") : said,
  });
}

const NOBODY = { name: "nobody", scopes: [] } as const;

function forbidden(scope: Scope): Response {
  const detail = `Cannot accept the request: its token lacks the scope "${scope}"`;
  return problem({ status: 403, detail, code: "FORBIDDEN" }, {
    "www-authenticate": `Bearer realm="errand", error="insufficient_scope", scope="${scope}"`,
  });
}

function limited(restMs: number): Response {
  const seconds = Math.ceil(restMs / 1_000);
  const detail = `Cannot answer: there are too many requests; ask again in ${seconds} s`;
  return problem({ status: 429, detail, code: "RATE_LIMITED" }, { "retry-after": `${seconds}` });
}

/** For a path that takes other methods: those of `allow`. */
export function otherMethod({ req }: Context, allow: string): Response {
  if (req.method === "OPTIONS") return noContent({ allow });
  const detail = `Cannot ${req.method} ${req.path}: it takes ${allow}`;
  return problem({ status: 405, detail }, { allow });
}

/** For a path that there is not. */
export function noRoute({ req }: Context): Response {
  return problem({ status: 404, detail: `Cannot find ${req.path}: there is no such route` });
}
