/**
 * The API over the verbs of an Errand: which route a request is for.
 *
 * @module
 */
import { Hono, type MiddlewareHandler } from "hono";
import { kept } from "../lazy.ts";
import { partsOf } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { durationsOf } from "./durations.ts";
import { type ApiOptions, type ApiSettings, apiSettings } from "./options.ts";
import { type Methods, methodsAt, placesOf } from "./places.ts";
import type { Shared } from "./route.ts";
import { rows, table } from "./table.ts";

/** What answers is loaded at the first request. */
const handling = kept(() => import("./handling.ts"));

/**
 * Loads what the first requests would otherwise wait for: to be awaited by servers that stay,
 * before they listen. Where each request may be the only one, leave it out.
 */
export async function preloadApi(): Promise<void> {
  await Promise.all([handling(), rows()]);
}

/**
 * The HTTP API of `errand`: serve its `fetch`, or mount it under a path of an app of your own.
 * There is also the place for routes of your own: this one takes none after its first request.
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
export function createApi(errand: ErrandVerbs, options: ApiOptions = {}): Hono {
  const settings = apiSettings(options);
  durationsOf(errand); // counts from now on
  const serving = { errand, parts: partsOf(errand), settings, shared: sharing(errand) };
  const app = new Hono();
  if (settings.cors !== undefined) app.use(corsOf(settings.cors));
  for (const [path, place] of placesOf(table)) {
    app.all(path.replaceAll(/\{(\w+)\}/g, ":$1"), (context, next) => {
      const methods = methodsAt(place, context.req.path);
      if (methods.size === 0) return next();
      const { method } = context.req;
      const found = methods.get(method === "HEAD" ? "GET" : method);
      return handled(({ answer, otherMethod }) =>
        found !== undefined
          ? answer(found, context, serving)
          : otherMethod(context, allowed(methods))
      );
    });
  }
  app.notFound((context) => handled(({ noRoute }) => noRoute(context)));
  return app;
}

/** What `answer` makes of the request, once what answers is there: mostly at once. */
function handled(
  answer: (loaded: Awaited<ReturnType<typeof handling>>) => Response | Promise<Response>,
): Response | Promise<Response> {
  const loaded = handling();
  return loaded instanceof Promise ? loaded.then(answer) : answer(loaded);
}

function allowed(methods: Methods): string {
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

function corsOf(options: NonNullable<ApiSettings["cors"]>): MiddlewareHandler {
  const handler = kept(async () => (await import("./cors.ts")).corsHandler(options));
  return async (context, next) => (await handler())(context, next);
}
