// The API as a document and as a page.
import { Validator } from "@seriousme/openapi-schema-validator";
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openApi } from "../../src/http/openapi.ts";
import { referencePage } from "../../src/http/page.ts";
import { docsRoutes } from "../../src/http/routes/docs.ts";
import { parsed } from "../../src/http/input.ts";
import type { Route } from "../../src/http/route.ts";
import { rows, table } from "../../src/http/table.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { caller } from "../support/api.ts";

const routes = await rows();
const document = openApi(routes);

describe("the table", () => {
  it("names every route that there is, and loads the row of that name", async () => {
    const names = (of: readonly Pick<Route, "method" | "path">[]): string[] =>
      of.map(({ method, path }) => `${method} ${path}`);
    expect(names(routes)).toEqual(names(table));
    const folder = new URL("../../src/http/routes/", import.meta.url);
    const files = await Promise.all(readdirSync(folder).map((file) => import(folder.href + file)));
    const exported = files.flatMap((file) => Object.entries<unknown>(file))
      .flatMap(([name, of]) => name.endsWith("Routes") && name !== "docsRoutes" ? [of] : [])
      .flat() as readonly Route[];
    const described = docsRoutes(rows);
    expect(names([...exported, ...described]).sort()).toEqual(names(table).sort());
  });
});

describe("the document", () => {
  it("is valid, and is what is served", async () => {
    await using errand = await testErrand();
    const { body } = await caller(errand)("GET /openapi.json");
    expect(body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(await new Validator().validate(body)).toEqual({ valid: true });
  });

  it("has every route, each with a name of its own", () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(operations).toHaveLength(routes.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
    expect(document.tags.every(({ description }) => description !== "")).toBe(true);
  });

  it("refers to nothing that it does not have", () => {
    const text = JSON.stringify(document);
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
      const all: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
        schemas: document.components.schemas,
        responses: document.components.responses,
      };
      expect(all[kind!]?.[name!], `${kind} ${name}`).toBeDefined();
    }
  });

  it("says which scope each route takes, and that some take none", () => {
    for (const { method, path, scope, alsoFor } of routes) {
      const { security } = document.paths[path]![method.toLowerCase()]!;
      expect(security).toEqual(
        scope === "open" ? [] : [scope, alsoFor].flatMap((name) => name ? { bearer: [name] } : []),
      );
    }
  });

  const examples = routes.filter(({ example }) => example !== undefined)
    .map((route) => [`${route.method} ${route.path}`, route] as const);

  it.each(examples)("shows for %s what it takes", (_, { body, example }) => {
    expect(parsed(body!, example, "body")).toEqual(example);
  });

  it("has a path parameter for each name in a path", () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods)) {
        const given = parameters.filter((one) => one.in === "path").map(({ name }) => name);
        expect([path, given]).toEqual([path, names]);
      }
    }
  });
});

describe("the page", () => {
  it("shows every route and schema, and loads nothing", async () => {
    await using errand = await testErrand();
    const { body, headers } = await caller(errand)("GET /docs");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    const ids = [...String(body).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const methods of Object.values(document.paths)) {
      for (const { operationId } of Object.values(methods)) expect(ids).toContain(operationId);
    }
    for (const name of Object.keys(document.components.schemas)) {
      expect(ids).toContain(`schema-${name}`);
    }
    for (const [, id] of String(body).matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(id);
    expect(body).not.toMatch(/<script|<img|<link|src=|url\(|\[object|undefined/);
  });

  it("escapes what it shows", async () => {
    const evil = { ...document, info: { ...document.info, title: "<script>" } };
    expect(String(await referencePage(evil))).not.toContain("<script");
  });
});
