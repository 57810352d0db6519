/**
 * One table says everything about a route: from it come its checks, its types, its documentation
 * and its tests.
 *
 * @module
 */
import type { Context } from "hono";
import type * as v from "valibot";
import type { Parts } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import type { Caller, Scope } from "./auth.ts";
import type { ApiSettings } from "./options.ts";

/** What answers a route. */
export type Schema = v.GenericSchema<unknown>;

/** An answer that a route may give. */
export interface AnswerSpec {
  readonly description: string;
  /** A body as it may look. */
  readonly example?: unknown;
  /** The JSON of its body; none where there is none, or it is no JSON. */
  readonly schema?: Schema;
  /** @default "application/json" where there is a schema */
  readonly type?: string;
}

/** What a handler gets: the request, parsed, and who sent it. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly errand: ErrandVerbs;
  readonly parts: Parts;
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: Request;
  readonly context: Context;
  readonly settings: ApiSettings;
  /** What routes of one API share. */
  readonly shared: Shared;
}

/** What routes of one API keep between requests, made at the first use of each. */
export interface Shared {
  /** What `make` made for this key, now or before. */
  of<Value>(make: (errand: ErrandVerbs) => Value): Value;
}

/** One route. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  readonly path: string;
  /** What a token must be allowed; `"open"` needs none. */
  readonly scope: Scope | "open";
  /** Another scope that will do. */
  readonly alsoFor?: Scope;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** A body of a request as it may look. */
  readonly example?: unknown;
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  /** Its handler checks the body, by that very schema, and gets it as it was sent. */
  readonly ownCheck?: true;
  /** Requests of it that come together are handled together. */
  readonly gathers?: true;
  /** Headers that it takes, and what they do. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Problems beside those that follow from its other properties. */
  readonly problems?: readonly number[];
  handle(call: Call): Response | Promise<Response>;
}

type Parsed<Part> = Part extends v.GenericSchema<unknown, infer Output> ? Output : undefined;

/** A route whose handler is typed by its schemas. */
export function route<
  Params extends Schema | undefined = undefined,
  Query extends Schema | undefined = undefined,
  Body extends Schema | undefined = undefined,
>(
  spec: Omit<Route, "params" | "query" | "body" | "handle"> & {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    handle(
      call: Call<Parsed<Params>, Parsed<Query>, Parsed<Body>>,
    ): Response | Promise<Response>;
  },
): Route {
  return spec as unknown as Route;
}
