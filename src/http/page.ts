/**
 * The reference page: the OpenAPI document, to be read.
 *
 * @module
 */
import type { JsonSchema } from "@valibot/to-json-schema";
import { html, raw } from "hono/html";
import type { Json, OpenApi, Operation } from "./openapi.ts";
import { STYLE } from "./page-style.ts";

type Html = ReturnType<typeof html>;

/** The page of `document`. */
export function referencePage(document: OpenApi): Html {
  const { info, tags, components } = document;
  const problems = components.responses;
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${info.title} API</title>
        <style>${raw(STYLE)}</style>
      </head>
      <body>
        <nav aria-label="Contents">
    <p class="brand"><a href="#top">${info.title}</a> <span>API v${info.version}</span></p>
    ${tags.map(({ name }) => menu(name, operationsOf(document, name)))}
    <h2><a href="#schemas">Schemas</a></h2>
    <ul>${Object.keys(components.schemas).sort().map((name) =>
      html`<li><a href="#schema-${name}">${name}</a></li>`
    )}</ul>
        </nav>
        <main id="top">
    <header>
    <h1>${info.title} API</h1>
    ${prose(info.description)}
    <p class="links"><a href="openapi.json">OpenAPI 3.1 document</a></p>
    </header>
    ${tags.map(({ name, description }) =>
      section(name, description, operationsOf(document, name), problems)
    )}
    <section id="schemas">
    <h2>Schemas</h2>
    ${Object.entries(components.schemas).sort(([a], [b]) => a < b ? -1 : 1).map(named)}
    </section>
        </main>
      </body>
    </html>
  `;
}

interface Placed extends Operation {
  readonly method: string;
  readonly path: string;
}

function operationsOf({ paths }: OpenApi, tag: string): readonly Placed[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path }))
  );
}

function menu(name: string, operations: readonly Placed[]): Html {
  return html`<h2><a href="#${slug(name)}">${name}</a></h2>
<ul>${
    operations.map(({ operationId, method, path }) =>
      html`<li><a href="#${operationId}"><b class="${method}">${method}</b> ${short(path)}</a></li>`
    )
  }</ul>`;
}

function short(path: string): string {
  return path.replace(/^\/v1/, "");
}

function slug(name: string): string {
  return name.toLowerCase().replaceAll(" ", "-");
}

type Problems = Readonly<Record<string, Json>>;

function section(
  name: string,
  description: string,
  operations: readonly Placed[],
  problems: Problems,
): Html {
  return html`<section id="${slug(name)}">
<h2>${name}</h2>
<p class="lead">${description}</p>
${operations.map((operation) => article(operation, problems))}
</section>`;
}

function article(operation: Placed, problems: Problems): Html {
  const { operationId, method, path, summary, description, parameters = [] } = operation;
  const { requestBody, responses, security } = operation;
  const told = Object.entries(responses).filter(([, of]) => of.$ref === undefined);
  const refused = Object.entries(responses).filter(([, of]) => of.$ref !== undefined);
  return html`<article id="${operationId}">
<h3><a href="#${operationId}"><b class="${method}">${method}</b>
<code>${pathParts(path)}</code></a>${scopes(security)}</h3>
<p class="summary">${summary}</p>
${description === undefined ? "" : prose(description)}
${parameters.length === 0 ? "" : parameterTable(parameters)}
${requestBody === undefined ? "" : request(requestBody)}
<h4>Answers</h4>
<dl class="answers">${told.map(([status, of]) => answer(status, of))}</dl>
<h4>Problems</h4>
<p class="problems">${
    refused.map(([status, of]) =>
      html`
        <span><b>${status}</b> ${resolved(of, problems).description}</span>
      `
    )
  }</p>
</article>`;
}

function pathParts(path: string): readonly Html[] {
  return path.split(/(\{\w+\})/).filter((part) => part !== "").map((part) =>
    part.startsWith("{") ? html`<i>${part}</i>` : html`${part}`
  );
}

function scopes(security: readonly Json[]): Html {
  const names = security.flatMap((scheme) => Object.values(scheme).flat());
  const text = names.length === 0 ? "no token" : names.join(" or ");
  return html`
    <span class="scope">${text}</span>
  `;
}

function parameterTable(parameters: readonly Json[]): Html {
  return html`
    <h4>Parameters</h4>
    <table>
      <tbody>${parameters.map((parameter) => {
        const schema = parameter.schema as JsonSchema;
        const description = (parameter.description ?? schema.description ?? "") as string;
        return html`
          <tr>
            <th scope="row"><code>${parameter.name}</code>
          <small>${parameter.in}${parameter.required === true ? ", needed" : ""}</small></th>
            <td>${typeOf(schema)}${description === "" ? "" : html`
              <span>${inline(description)}</span>
            `}</td>
          </tr>
        `;
      })}</tbody>
    </table>
  `;
}

function request(body: Json): Html {
  const { schema, example } = contentOf(body)["application/json"]!;
  return html`<h4>Body <small>${body.required === true ? "" : "may be left out"}</small></h4>
${fields(schema)}
${example === undefined ? "" : sample(example)}`;
}

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

function contentOf(of: Json): Readonly<Record<string, Media>> {
  return (of.content ?? {}) as Readonly<Record<string, Media>>;
}

function resolved({ $ref }: Json, problems: Problems): Json {
  return problems[String($ref).split("/").at(-1)!]!;
}

function answer(status: string, of: Json): Html {
  const kind = status.startsWith("2") ? "good" : "same";
  const content = Object.entries(contentOf(of));
  return html`<dt class="${kind}">${status}</dt>
<dd>${inline(of.description as string)}${
    content.map(([type, { schema, example }]) =>
      html` <small>${type}</small>
${type === "application/json" ? fields(schema) : ""}
${example === undefined ? "" : sample(example)}`
    )
  }</dd>`;
}

function sample(example: unknown): Html {
  return html`<pre><code>${JSON.stringify(example, null, 2)}</code></pre>`;
}

function named([name, schema]: readonly [string, JsonSchema]): Html {
  return html`<article id="schema-${name}">
<h3><a href="#schema-${name}"><code>${name}</code></a></h3>
${schema.description === undefined ? "" : prose(schema.description)}
${fields(schema)}
</article>`;
}

/** The members of an object, or what else it is. */
function fields(schema: JsonSchema): Html {
  const { properties, required = [] } = schema;
  if (properties === undefined) return html`<p class="type">${typeOf(schema)}</p>`;
  return html`
    <table>
      <tbody>${Object.entries(properties).map(([name, of]) => {
        const member = of as JsonSchema;
        const { description } = member;
        return html`
          <tr>
            <th scope="row"><code>${name}</code>
          ${required.includes(name) ? html`<small>needed</small>` : ""}</th>
            <td>${typeOf(member)}${description === undefined ? "" : html`
              <span>${inline(description)}</span>
            `}
          ${member.type === "object" && member.properties !== undefined ? fields(member) : ""}</td>
          </tr>
        `;
      })}</tbody>
    </table>
  `;
}

/** A type in a few words. */
function typeOf(schema: JsonSchema): Html {
  const { $ref, anyOf, enum: words, type, items } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1)!;
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return alternatives(anyOf as readonly JsonSchema[]);
  if (words !== undefined) return alternatives(words.map((word) => ({ const: word })));
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (type === "array") return html`list of ${typeOf((items ?? {}) as JsonSchema)}`;
  if (type === "object" && isMap(schema)) {
    return html`object of ${typeOf(schema.additionalProperties as JsonSchema)}`;
  }
  return html`<span class="type">${type === undefined ? "any JSON" : label(schema)}</span>`;
}

function isMap({ properties, additionalProperties }: JsonSchema): boolean {
  return properties === undefined && typeof additionalProperties === "object";
}

function alternatives(all: readonly JsonSchema[]): Html {
  return html`${all.map((one, index) => html`${index > 0 ? " or " : ""}${typeOf(one)}`)}`;
}

function label({ type, format, minimum, maximum }: JsonSchema): string {
  const name = format ?? (Array.isArray(type) ? type.join(" or ") : String(type));
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (most !== undefined && minimum !== undefined) return `${name}, ${minimum} to ${most}`;
  return name;
}

function prose(text: string): readonly Html[] {
  return text.split("\n\n").map((paragraph) => html`<p>${inline(paragraph)}</p>`);
}

/** Text with `code` in it. */
function inline(text: string): readonly Html[] {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`
  );
}
