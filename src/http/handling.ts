/**
 * Answering a request: it is checked by the row of its route, handed to its handler, and answered,
 * also when something is thrown. Loaded at the first request.
 *
 * @module
 */
import type { Context } from "hono";
import { ErrandError } from "../errors.ts";
import { partsOf } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { admitted } from "./admission.ts";
import { noContent } from "./answer.ts";
import { gathering } from "./gathering.ts";
import { jsonBody, parsed, queryOf } from "./input.ts";
import { problem, problemOf } from "./problem.ts";
import type { Call } from "./route.ts";
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
    const route = entry.row ?? await entry.load();
    if (route.gathers) await serving.shared.of(gatheringOf)();
    const proved = admitted(route, request.headers, serving);
    const caller = proved instanceof Promise ? await proved : proved;
    const { params, query, body, ownCheck } = route;
    const { errand, parts, settings, shared } = serving;
    const said = body && await jsonBody(request, settings.bodyLimitBytes);
    return await route.handle({ // member by member: engines are slow with a spread and more
      errand,
      parts,
      settings,
      shared,
      caller,
      request,
      context,
      params: params && parsed(params, context.req.param(), "path"),
      query: query && parsed(query, queryOf(request.url), "query"),
      body: body && ownCheck === undefined ? parsed(body, said, "body") : said,
    });
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

function gatheringOf(errand: ErrandVerbs): () => Promise<void> {
  return gathering(partsOf(errand).clock);
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
