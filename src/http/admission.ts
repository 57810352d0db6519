/**
 * Whom a route lets in: who takes what it answers with, may do what it does, and does it not too
 * often.
 *
 * @module
 */
import { checkAccept } from "./accept.ts";
import { type Caller, may, type Scope } from "./auth.ts";
import { Problem } from "./problem.ts";
import type { Call, Route } from "./route.ts";

type Host = Pick<Call, "parts" | "settings">;

const NOBODY: Caller = { name: "nobody", scopes: [] };

/**
 * Who sent a request; told at once, unless tokens must be waited for.
 *
 * @throws {Problem} 403, 406 and 429. @throws {ErrandError} `UNAUTHORIZED`.
 */
export function admitted(route: Route, headers: Headers, host: Host): Caller | Promise<Caller> {
  checkAccept(headers.get("accept"), route);
  if (route.scope === "open") return NOBODY;
  const proved = host.settings.auth.caller(headers);
  return proved instanceof Promise
    ? proved.then((caller) => allowed(caller, route, host))
    : allowed(proved, route, host);
}

function allowed(caller: Caller, { scope, alsoFor }: Route, { parts, settings }: Host): Caller {
  const restMs = settings.rates?.take(caller.name, parts.clock.elapsedMs()) ?? 0;
  if (restMs > 0) throw limited(restMs);
  if (scope === "open" || may(caller, scope)) return caller;
  if (alsoFor === undefined || !may(caller, alsoFor)) throw forbidden(scope);
  return caller;
}

function forbidden(scope: Scope): Problem {
  const detail = `Cannot accept the request: its token lacks the scope "${scope}"`;
  return new Problem({ status: 403, detail, code: "FORBIDDEN" }, {
    "www-authenticate": `Bearer realm="errand", error="insufficient_scope", scope="${scope}"`,
  });
}

function limited(restMs: number): Problem {
  const seconds = Math.ceil(restMs / 1_000);
  const detail = `Cannot answer: there are too many requests; ask again in ${seconds} s`;
  return new Problem({ status: 429, detail, code: "RATE_LIMITED" }, {
    "retry-after": `${seconds}`,
  });
}
