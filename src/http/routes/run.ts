/**
 * The HTTP trigger, under the API's roof.
 *
 * @module
 */
import { ErrandError } from "../../errors.ts";
import { record } from "../fields.ts";
import type { RequestHost } from "../options.ts";
import { type Call, type Route, route } from "../route.ts";

const common = {
  path: "/run",
  scope: "open",
  tag: "Operation",
  summary: "Run what is due, within bounds",
  description:
    "For cron services, crontab and nudges. It has a secret of its own: a bearer token, " +
    "or a signature as Standard Webhooks has it.",
  problems: [401, 404, 409, 413, 500, 503],
  answers: {
    200: { description: "What came of the run", schema: record },
    202: { description: "It goes on, as `Prefer: respond-async` asked" },
  },
  handle: run,
} as const;

/** `/run`. */
export const runRoutes: readonly Route[] = [
  route({ ...common, method: "GET" }),
  route({ ...common, method: "POST" }),
];

/** What keeps a run alive beyond its answer, if the host has that. */
function hostOf(context: Call["context"]): RequestHost | undefined {
  try {
    return context.executionCtx;
  } catch {
    return undefined; // Hono throws where there is none
  }
}

async function run({ settings, request, context }: Call): Promise<Response> {
  if (settings.run !== undefined) return await settings.run(request, hostOf(context));
  throw new ErrandError("NOT_FOUND", "Cannot run: no trigger is set up here");
}
