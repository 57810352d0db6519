/**
 * The table of routes as an OpenAPI 3.1 document.
 *
 * @module
 */
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import { SCOPES } from "./auth.ts";
import type { Note } from "./fields.ts";
import { STATUS, TITLES } from "./problem.ts";
import type { AnswerSpec, Route, Schema } from "./route.ts";

/** A member of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** One operation, as the reference page needs it. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
  readonly security: readonly Json[];
}

/** An OpenAPI document. */
export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly Json[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly responses: Readonly<Record<string, Json>>;
    readonly securitySchemes: Json;
  };
}

const DESCRIPTION = `Enqueue jobs, look at them and work on them, from any language.

Requests carry a bearer token, which has scopes. Bodies are JSON. Durations are texts such as
\`"30s"\` or milliseconds; instants are ISO 8601 texts, but for \`at\` of errors
and log lines, which is milliseconds since the epoch. Every error is a problem as RFC 9457 has it,
with a code for programs. Every request may be repeated: a repetition has no second effect where
the request names what it is about, by an id, a lease or an Idempotency-Key.`;

const TAGS: Readonly<Record<string, string>> = {
  Jobs: "Adding jobs, looking for them, waiting for them, and changing one.",
  "Many jobs": "Changing many jobs by a filter, batch by batch.",
  Work: "Claiming jobs under a lease, and handing in what came of them.",
  Queues: "Where jobs wait.",
  Schedules: "Series of jobs.",
  Workers: "Who runs jobs, and asking them to end.",
  Events: "Changes to jobs, as they happen.",
  Operation: "For whoever keeps it running.",
};

/** The document of these routes. */
export function openApi(routes: readonly Route[]): OpenApi {
  const schemas: Record<string, JsonSchema> = { Problem: PROBLEM };
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Errand", version: "1", description: DESCRIPTION },
    servers: [{ url: "." }],
    tags: tagsOf(routes),
    paths,
    components: {
      schemas,
      responses: problemAnswers(routes),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: `A token with scopes: ${SCOPES.join(", ")}. "admin" includes the others.`,
        },
      },
    },
  };
}

function tagsOf(routes: readonly Route[]): OpenApi["tags"] {
  const used = new Set(routes.map(({ tag }) => tag));
  const order = Object.keys(TAGS);
  return [...used]
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((name) => ({ name, description: TAGS[name] ?? "" }));
}

type Schemas = Record<string, JsonSchema>;

/** Where named schemas go, and whether what is converted is an answer. */
interface Place {
  readonly schemas: Schemas;
  readonly answer: boolean;
}

function operation(route: Route, schemas: Schemas): Operation {
  const { method, path, summary, description, tag, scope, alsoFor, body, example } = route;
  const asked = { schemas, answer: false };
  const told = { schemas, answer: true };
  const parameters = [
    ...parametersOf("path", route.params, asked),
    ...parametersOf("query", route.query, asked),
    ...headerParameters(route.headers ?? {}),
  ];
  return {
    summary,
    ...(description !== undefined && { description }),
    tags: [tag],
    operationId: operationId(method, path),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: requestBody(body, example, asked) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, of]) => [status, answer(of, told)]),
      ),
      ...Object.fromEntries(problemsOf(route).map((status) => [status, problemRef(status)])),
    },
    security: [scope, alsoFor].filter((name) => name !== undefined && name !== "open")
      .map((name) => ({ bearer: [name] })),
  };
}

/** `getV1JobsById` and the like. */
function operationId(method: string, path: string): string {
  const words = path.split(/[/.]/).filter((part) => part !== "").map((part) => {
    const name = part.replaceAll(/[{}]/g, "");
    return (part === name ? "" : "By") + name[0]!.toUpperCase() + name.slice(1);
  });
  return method.toLowerCase() + words.join("");
}

function parametersOf(from: string, schema: Schema | undefined, place: Place): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = converted(schema, place);
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: from,
    required: from === "path" || required.includes(name),
    schema: of,
  }));
}

function headerParameters(headers: Readonly<Record<string, string>>): Json[] {
  return Object.entries(headers).map(([name, description]) => ({
    ...{ name, in: "header", required: false, description },
    schema: { type: "string" },
  }));
}

function requestBody(schema: Schema, example: unknown, place: Place): Json {
  return {
    required: schema.type !== "optional",
    content: {
      "application/json": {
        schema: converted(schema, place),
        ...(example !== undefined && { example }),
      },
    },
  };
}

function answer({ description, schema, type, example }: AnswerSpec, place: Place): Json {
  const types = type?.split(", ") ?? (schema === undefined ? [] : ["application/json"]);
  if (types.length === 0) return { description };
  const content = types.map((name) => {
    const json = schema !== undefined && name === "application/json";
    const of = json ? converted(schema, place) : { type: "string" };
    return [name, { schema: of, ...(json && example !== undefined && { example }) }];
  });
  return { description, content: Object.fromEntries(content) };
}

/** Which problems a route may answer with. */
export function problemsOf(route: Route): readonly number[] {
  const { scope, params, query, body, problems = [] } = route;
  const all = new Set([...problems, 406, 429, 500]);
  if (params !== undefined || query !== undefined || body !== undefined) all.add(400);
  if (params !== undefined) all.add(404);
  if (body !== undefined) { for (const status of [413, 415]) all.add(status); }
  if (scope !== "open") { for (const status of [401, 403, 503]) all.add(status); }
  return [...all].sort((a, b) => a - b);
}

function problemRef(status: number): Json {
  return { $ref: `#/components/responses/Problem${status}` };
}

function problemAnswers(routes: readonly Route[]): Readonly<Record<string, Json>> {
  const statuses = [...new Set(routes.flatMap(problemsOf))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [`Problem${status}`, problemAnswer(status)]),
  );
}

function problemAnswer(status: number): Json {
  const codes = Object.entries(STATUS).filter(([, of]) => of === status).map(([code]) => code);
  const title = TITLES[status]!;
  return {
    description: codes.length > 0 ? codes.join(", ") : title,
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem" },
        example: {
          ...{ title, status, detail: EXAMPLES[status] ?? `Cannot answer: ${title}` },
          ...(codes.length > 0 && { code: codes[0] }),
        },
      },
    },
  };
}

const EXAMPLES: Readonly<Record<number, string>> = {
  400: "Cannot use the body: body.priority: is no whole number from -1000000 to 1000000",
  401: "Cannot accept the request: it has no bearer token",
  403: 'Cannot accept the request: its token lacks the scope "admin"',
  404: 'Cannot get job "0197a3a4": there is no such job, or it was removed',
  406: "Cannot answer as asked for: there is application/json",
  409: "Cannot cancel job 0197a3a4: it is completed",
  413: "Cannot read the body: it has more than 4194304 bytes",
  415: "Cannot read the body: its type is text/plain; send JSON",
  429: "Cannot answer now: ask again later",
  500: "Cannot answer: see the server's log",
  503: "Cannot use the database: it does not answer",
};

/** The JSON Schema of `schema`; what has a name goes where named ones go. */
function converted(schema: Schema, place: Place): JsonSchema {
  const { $schema: _, ...json } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if ("note" in valibotSchema) {
        return fromNote(valibotSchema as unknown as Schema & Wrapping, place);
      }
      if (!place.answer || jsonSchema.additionalProperties !== false) return undefined;
      const { additionalProperties: __, ...open } = jsonSchema; // there may be more one day
      return open;
    },
  });
  return json;
}

interface Wrapping {
  readonly note: Note;
  readonly wrapped: Schema;
}

function fromNote({ note, wrapped }: Wrapping, place: Place): JsonSchema {
  if (note.jsonSchema !== undefined) return note.jsonSchema as JsonSchema;
  if (note.anyOf !== undefined) return { anyOf: note.anyOf.map((one) => converted(one, place)) };
  if (note.name === undefined) return converted(wrapped, place);
  place.schemas[note.name] ??= converted(wrapped, place);
  return { $ref: `#/components/schemas/${note.name}` };
}

const PROBLEM: JsonSchema = {
  type: "object",
  description: "An error, as RFC 9457 has it.",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What went wrong, for people." },
    code: { enum: Object.keys(STATUS), description: "What went wrong, for programs." },
    issues: {
      type: "array",
      description: "Each thing that is wrong with the request, and where.",
      items: {
        type: "object",
        properties: {
          message: { type: "string" },
          path: { type: "array", items: { type: ["string", "number"] } },
        },
        required: ["message", "path"],
      },
    },
    holder: { type: "object", description: "For LEASE_LOST: who has the job now." },
  },
  required: ["title", "status", "detail"],
};
