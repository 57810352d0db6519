// Requests to an API without a port; each answer is held to what the API says of itself.
import { Ajv2020 } from "ajv/dist/2020.js";
import * as v from "valibot";
import { expect } from "vitest";
import { createApi } from "../../src/http/app.ts";
import { openApi } from "../../src/http/openapi.ts";
import type { ApiOptions } from "../../src/http/options.ts";
import type { Route } from "../../src/http/route.ts";
import { rows } from "../../src/http/table.ts";
import type { ErrandVerbs } from "../../src/verbs.ts";

/** What is sent beside method and path. */
export interface Sending {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Sends `"GET /v1/jobs"`. */
export type Send = (what: string, sending?: Sending) => Promise<Answered>;

const routes = await rows();
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(JSON.parse(JSON.stringify(openApi(routes))), "api");

/** A caller of an API over `errand`, which is open unless the options say otherwise. */
export function caller(errand: ErrandVerbs, options: ApiOptions = { open: true }): Send {
  const api = createApi(errand, options);
  return async (what, { token, body, headers = {}, signal } = {}) => {
    const [method = "", path = ""] = what.split(" ");
    const response = await api.request(path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    const answer = {
      status: response.status,
      headers: response.headers,
      body: /json/.test(type) && text !== "" ? JSON.parse(text) : text,
    };
    checkAnswer(method, path, answer);
    return answer;
  };
}

function checkAnswer(method: string, path: string, answer: Answered): void {
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  const route = routeOf(method, path);
  if (route === undefined || answer.status === 405) return;
  const { status, headers, body } = answer;
  const type = headers.get("content-type")?.split(";")[0];
  if (type === undefined) return void expect(body).toBe("");
  if (type === "application/problem+json") {
    const name = `Problem${status}`;
    const at = route.answers[status] === undefined ? `paths/${pointer(route)}/responses` : "";
    expect(ajv.getSchema(`api#/${at}/${status}`), `${what(route)} tells of ${status}`).toBeTruthy();
    return check(`api#/components/responses/${name}/content/${encoded(type)}/schema`, body);
  }
  const spec = route.answers[status];
  expect(spec, `${what(route)} tells of ${status}`).toBeDefined();
  check(`api#/paths/${pointer(route)}/responses/${status}/content/${encoded(type)}/schema`, body);
  if (spec?.schema === undefined || type !== "application/json") return;
  const { issues } = v.safeParse(spec.schema, body); // these know nothing beside
  expect(issues?.map(({ message, path }) => [message, path?.map(({ key }) => key)])).toBe(
    undefined,
  );
}

function check(reference: string, body: unknown): void {
  const validate = ajv.getSchema(reference);
  expect(validate, reference).toBeDefined();
  validate!(body);
  expect(validate!.errors ?? [], reference).toEqual([]);
}

/** The route that a request meets. */
export function routeOf(method: string, path: string): Route | undefined {
  const [bare = ""] = path.split("?");
  const fitting = routes.filter((route) =>
    route.method === method &&
    new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`).test(bare)
  );
  return fitting.sort((a, b) => a.path.split("{").length - b.path.split("{").length)[0];
}

function what({ method, path }: Route): string {
  return `${method} ${path}`;
}

function pointer({ method, path }: Route): string {
  return `${encoded(path)}/${method.toLowerCase()}`;
}

function encoded(text: string): string {
  return encodeURIComponent(text.replaceAll("~", "~0").replaceAll("/", "~1"));
}
