/**
 * The API over the verbs of an Errand: each request is checked by the row of its route, handed to
 * its handler, and answered, also when something is thrown.
 *
 * @module
 */
import type { Context } from "hono";
import { cors } from "hono/cors";
import { Hono } from "hono/tiny";
import { ErrandError } from "../errors.ts";
import { partsOf } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { accepts } from "./accept.ts";
import { noContent } from "./answer.ts";
import { may, type Scope } from "./auth.ts";
import { durationsOf } from "./durations.ts";
import { jsonBody, parsed, queryOf } from "./input.ts";
import { type ApiOptions, type ApiSettings, apiSettings } from "./options.ts";
import { problem, problemOf } from "./problem.ts";
import type { Call, Route, Shared } from "./route.ts";
import { routes } from "./table.ts";

/**
 * The HTTP API of `errand`: serve its `fetch`, or mount it under a path of an app of your own.
 *
 * @example
 * ```ts
 * import { Errand } from "errand";
 * import { createApi, hashToken } from "errand/http";
 *
 * await using errand = await Errand.open({ url: ":memory:" });
 * const hash = await hashToken("32 random bytes as text: openssl rand -base64 32");
 * const api = createApi(errand, { tokens: [{ name: "shop", hash, scopes: ["enqueue"] }] });
 * console.log((await api.request("/healthz")).status);
 * ```
 *
 * @throws {ErrandError} `INVALID_INPUT` for unusable options, and without tokens unless they say
 * `open: true`.
 */
export function createApi(errand: ErrandVerbs, options: ApiOptions): Hono {
  const settings = apiSettings(options);
  durationsOf(errand); // counts from now on
  const serving = { errand, parts: partsOf(errand), settings, shared: sharing(errand) };
  const app = new Hono();
  if (settings.cors !== undefined) app.use(corsOf(settings.cors));
  for (const [path, methods] of byPath(routes)) {
    const allow = allowed(methods);
    app.all(path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => {
      const { method } = context.req;
      const found = methods.get(method === "HEAD" ? "GET" : method);
      if (found !== undefined) return answer(found, context, serving);
      if (method === "OPTIONS") return noContent({ allow });
      const detail = `Cannot ${method} ${context.req.path}: it takes ${allow}`;
      return problem({ status: 405, detail }, { allow });
    });
  }
  app.notFound(({ req }) =>
    problem({ status: 404, detail: `Cannot find ${req.path}: there is no such route` })
  );
  return app;
}

type Serving = Pick<Call, "errand" | "parts" | "settings" | "shared">;

async function answer(route: Route, context: Context, serving: Serving): Promise<Response> {
  const request = context.req.raw;
  const { stopping } = serving.settings;
  if (stopping?.aborted) return ending();
  try {
    return await handled(route, context, serving);
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 }); // nobody hears it
    if (stopping?.aborted && error === stopping.reason) return ending();
    if (!(error instanceof Error && "body" in error) && !(error instanceof ErrandError)) {
      serving.parts.events.emit("error", { error, during: `${route.method} ${route.path}` });
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
  if (route.scope !== "open" && !may(caller, route.scope)) return forbidden(route.scope);
  const { params, query, body } = route;
  const { errand, parts, settings, shared } = serving;
  return await route.handle({ // member by member: engines are slow with a spread and more
    errand,
    parts,
    settings,
    shared,
    caller,
    request,
    params: params && parsed(params, context.req.param(), "path"),
    query: query && parsed(query, queryOf(request.url), "query"),
    body: body && parsed(body, await jsonBody(request, settings.bodyLimitBytes), "body"),
  });
}

const NOBODY = { name: "nobody", scopes: [] } as const;

function forbidden(scope: Scope): Response {
  const detail = `Cannot accept the request: its token lacks the scope "${scope}"`;
  return problem({ status: 403, detail, code: "FORBIDDEN" }, {
    "www-authenticate": `Bearer realm="errand", error="insufficient_scope", scope="${scope}"`,
  });
}

/** Routes by path; those without a parameter first, as they are more special. */
function byPath(all: readonly Route[]): Map<string, Map<string, Route>> {
  const paths = new Map<string, Map<string, Route>>();
  const special = (route: Route): number => route.path.includes("{") ? 1 : 0;
  for (const route of [...all].sort((a, b) => special(a) - special(b))) {
    const methods = paths.get(route.path) ?? new Map<string, Route>();
    paths.set(route.path, methods.set(route.method, route));
  }
  return paths;
}

function allowed(methods: ReadonlyMap<string, Route>): string {
  return [...methods.keys(), ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
}

function sharing(errand: ErrandVerbs): Shared {
  const made = new Map<unknown, unknown>();
  return {
    of<Value>(make: (errand: ErrandVerbs) => Value): Value {
      if (!made.has(make)) made.set(make, make(errand));
      return made.get(make) as Value;
    },
  };
}

function corsOf({ origins, maxAgeSeconds }: NonNullable<ApiSettings["cors"]>) {
  return cors({
    origin: origins === "*" ? "*" : [...origins],
    allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowHeaders: ["authorization", "content-type", "idempotency-key", "last-event-id", "prefer"],
    exposeHeaders: ["etag", "retry-after", "www-authenticate"],
    maxAge: maxAgeSeconds,
  });
}
