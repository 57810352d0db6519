// Requests to an API, made from its OpenAPI document: such as it takes, such as it nearly takes,
// and such as no program would send on purpose.
import fc, { type Arbitrary } from "fast-check";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;
/** JSON Schemas by their names. */
export type Schemas = Readonly<Record<string, JsonSchema>>;

/** One operation of the document, as far as it matters here. */
export interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: JsonSchema } };
  };
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}

/** An OpenAPI document. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/** A request, ready to be sent. */
export interface Wish {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | undefined;
  /** How it is sent: at once, in chunks, in pieces with pauses, half of it, or too little. */
  readonly way: "plain" | "chunked" | "slow" | "half" | "short";
}

/** Ids that the server has told of, for requests that are about something. */
export type Known = string[];

/** Every request, from the document of an API whose token is `token`. */
export function requests(document: Document, token: string, known: Known): Arbitrary<Wish> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]) => ({ path, method: method.toUpperCase(), of }))
  );
  const all = operations.map(({ path, method, of }) => {
    const make = arbitraries(document.components.schemas, known);
    const schema = of.requestBody?.content["application/json"].schema;
    return fc.record({
      method: mostly(fc.constant(method), fc.constantFrom(...METHODS)),
      target: target(path, of, make),
      headers: headers(token),
      text: schema === undefined ? mostly(fc.constant(undefined), RAW) : text(make(schema)),
      encoding: mostly(fc.constant("utf8" as const), fc.constantFrom("utf16le", "latin1", "bom")),
      way: mostly(fc.constant("plain" as const), fc.constantFrom(...WAYS)),
    }).map(({ text, encoding, ...wish }): Wish => ({
      ...wish,
      body: text === undefined || wish.method === "HEAD" ? undefined : encoded(text, encoding),
    }));
  });
  return fc.oneof(...all.map((arbitrary, index) => {
    const { method, path } = operations[index]!;
    return { weight: method === "POST" && OFTEN.test(path) ? 6 : 1, arbitrary };
  }));
}

/** What makes others come upon something. */
const OFTEN = /^\/v1\/(jobs|claims|leases\/.*)$/;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"] as const;
const WAYS = ["chunked", "slow", "half", "short"] as const;

/** In nine of ten cases what is meant. */
function mostly<A, B>(usual: Arbitrary<A>, odd: Arbitrary<B>): Arbitrary<A | B> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

/** In one of five cases there. */
function seldom<T>(arbitrary: Arbitrary<T>, absent: T): Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(absent) }, { weight: 1, arbitrary });
}

// ─── paths, queries and headers ───

const ODD_PARTS = ["", ".", "..", "%00", "%ff", "%", "%ud800", "a%2fb", "%2e%2e", "a".repeat(300)];
const ODD_TARGETS = ["/", "//", "/v1", "/v1/", "//v1/jobs", "/v1/jobs/", "/V1/JOBS", "/v1/%00"];
const ODD_QUERIES = ["?", "&", "=", "limit", "limit=", "limit=1&limit=2", "%00=1", "a=%ff", "[]=1"];

function target(path: string, { parameters = [] }: Operation, make: Make): Arbitrary<string> {
  const part = (name: string): Arbitrary<string> => {
    const of = parameters.find((each) => each.in === "path" && each.name === name);
    const value = make(of?.schema ?? {}).map((text) => segment(wellFormed(text)));
    return mostly(value, fc.constantFrom(...ODD_PARTS));
  };
  const parts = path.split(/(\{\w+\})/).map((text) =>
    text.startsWith("{") ? part(text.slice(1, -1)) : fc.constant(text)
  );
  const queries = parameters.filter((each) => each.in === "query");
  const asked = fc.subarray(queries).chain((some) =>
    fc.tuple(
      ...some.map(({ name, schema }) =>
        mostly(make(schema), JUNK).map((value) =>
          `${name}=${encodeURIComponent(wellFormed(value))}`
        )
      ),
    )
  ).map((all) => all.join("&"));
  const query = mostly(asked, fc.constantFrom(...ODD_QUERIES));
  const usual = fc.tuple(fc.tuple(...parts).map((all) => all.join("")), query)
    .map(([where, what]) => what === "" ? where : `${where}?${what}`);
  return fc.oneof(
    { weight: 30, arbitrary: usual },
    { weight: 1, arbitrary: fc.constantFrom(...ODD_TARGETS) },
  );
}

function wellFormed(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.replaceAll(/\p{Surrogate}/gu, "\ufffd");
}

const TYPES = [
  ...["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
  ...["application/json; charset=utf-8", "application/json;charset=latin1", "application/ld+json"],
  ...["application/json, text/plain", "json", ";", "APPLICATION/JSON"],
];
const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ...["*/*", "text/html", "text/event-stream", "application/json;q=0", ";;q", "*/*;q=abc"]
    .map((value) => ["accept", value] as const),
  ...["return=minimal", "return=minimal; wait=5", "respond-async", "=", ",,"]
    .map((value) => ["prefer", value] as const),
  ...["a", "a".repeat(300), "\xff\xfe", "k-1", "k-2"]
    .map((value) => ["idempotency-key", value] as const),
  ...["0", "nothing", "9".repeat(30)].map((value) => ["last-event-id", value] as const),
  ["if-none-match", "*"],
  ["if-match", '"x"'],
  ["content-encoding", "gzip"],
  ["origin", "https://elsewhere.example"],
  ["range", "bytes=0-1"],
  ["expect", "100-continue"],
  ["x-http-method-override", "DELETE"],
  ["x-long", "x".repeat(4_000)],
];

function headers(token: string): Arbitrary<Wish["headers"]> {
  const odd = [undefined, "Bearer", "Basic YTpi", "Bearer wrong", `bearer ${token}-some`, "\xff"];
  return fc.tuple(
    mostly(fc.constant(`Bearer ${token}`), fc.constantFrom(...odd))
      .map((value) => value === undefined ? [] : [["authorization", value] as const]),
    mostly(fc.constant("application/json"), fc.constantFrom(undefined, ...TYPES))
      .map((value) => value === undefined ? [] : [["content-type", value] as const]),
    mostly(fc.constant<Wish["headers"]>([]), fc.subarray([...ODD_HEADERS], { maxLength: 3 })),
  ).map((all) => all.flat());
}

// ─── bodies ───

const HUGE = ["1e999", "-1e999", "123456789012345678901234567890", "0.1e-400", "-0", "1E+2"];
const DEEP = [100, 5_000, 50_000].flatMap((depth) => [
  "[".repeat(depth) + "]".repeat(depth),
  '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
]);
/** What no value stands for: `@@0@@` in a text is the first of them. */
const UNVALUED = [...HUGE, ...DEEP];

const ODD_TEXT = fc.constantFrom(
  ...["", "\u0000", "a\u0000b", "\ud800", "\udc00x", "\u202e", "__proto__", "constructor", "x"],
  ...[
    "'; DROP TABLE errand_job; --",
    "%s%n",
    "../../etc/passwd",
    "9".repeat(40),
    "a".repeat(5_000),
  ],
);
/** Whatever is not what was asked for. */
const JUNK: Arbitrary<unknown> = fc.oneof(
  ODD_TEXT,
  fc.nat({ max: UNVALUED.length - 1 }).map((index) => `@@${index}@@`),
  fc.constantFrom(null, true, false, -1, 0.5, 2 ** 53, [], {}, [[]], { "__proto__": 1 }),
  fc.jsonValue({ maxDepth: 2 }),
);
/** Text that is no JSON, or hardly. */
const RAW: Arbitrary<string> = fc.oneof(
  fc.constantFrom("", " ", "{", "[", '{"task"', '{"task":}', "nul", "NaN", "{}{}", "'a'", "\u0000"),
  fc.constantFrom(...DEEP, ...HUGE, '{"a":1,"a":2}', '"\\ud800"', '"\\u00zz"', "[1,]", "// a"),
  fc.string(),
);

/** A body that fits, one in which a place was changed, or text. */
function text(valid: Arbitrary<unknown>): Arbitrary<string> {
  const changed = fc.tuple(valid, fc.nat({ max: 1_000 }), JUNK, fc.boolean())
    .map(([value, at, junk, more]) => replaced(value, at, junk, more));
  return fc.oneof(
    { weight: 6, arbitrary: valid.map(toText) },
    { weight: 3, arbitrary: changed.map(toText) },
    { weight: 1, arbitrary: RAW },
  );
}

function toText(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.replaceAll(/"@@(\d+)@@"/g, (_, index: string) => UNVALUED[Number(index)]!);
}

/** `value` with junk in the place of one of its parts, or beside them. */
function replaced(value: unknown, at: number, junk: unknown, more: boolean): unknown {
  if (typeof value !== "object" || value === null) return junk;
  const keys = Object.keys(value);
  const key = keys[at % (keys.length + 1)];
  if (Array.isArray(value)) {
    if (key === undefined) return more ? [...value, junk] : junk;
    return value.map((item, index) =>
      String(index) === key ? replaced(item, Math.floor(at / 7), junk, more) : item
    );
  }
  if (key === undefined) return more ? { ...value, unknown: junk } : junk;
  const inner = (value as Record<string, unknown>)[key];
  return { ...value, [key]: replaced(inner, Math.floor(at / 7), junk, more) };
}

function encoded(text: string, encoding: "utf8" | "utf16le" | "latin1" | "bom"): Uint8Array {
  if (encoding === "bom") return Buffer.from(`\ufeff${text}`);
  return Buffer.from(text, encoding);
}

// ─── values of a schema ───

type Make = (schema: JsonSchema) => Arbitrary<unknown>;

const REF = "#/components/schemas/";

function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  if (typeof schema.$ref !== "string") return schema;
  return resolved(schemas[schema.$ref.slice(REF.length)]!, schemas);
}

/** The words of a schema that say what fits. */
interface Words {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Schemas;
  readonly required?: string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

const NAMES = ["default", "one", "worked", "search", "jöb", "a b", "searchable"];

function arbitraries(schemas: Schemas, known: Known): Make {
  const id = fc.nat().map((n) => known[n % Math.max(1, known.length)] ?? "nothing");
  const make: Make = (schema) => {
    const of = resolved(schema, schemas) as Words;
    const { type, anyOf, oneOf, properties, items } = of;
    if (of.const !== undefined) return fc.constant(of.const);
    if (of.enum !== undefined) return fc.constantFrom(...of.enum);
    const either = anyOf ?? oneOf;
    if (either !== undefined) return fc.oneof(...either.map(make));
    if (type === "string") return strings(of, id);
    if (type === "integer") return whole(of);
    if (type === "number") return fc.oneof(whole(of), fc.double({ noNaN: true, min: 0, max: 1 }));
    if (type === "boolean") return fc.boolean();
    if (type === "null") return fc.constant(null);
    if (type === "array") {
      return fc.array(make(items ?? {}), { minLength: of.minItems ?? 0, maxLength: 4 });
    }
    if (properties !== undefined) {
      const entry = ([name, each]: [string, JsonSchema]): Arbitrary<[string, unknown][]> => {
        const there = make(each).map((value): [string, unknown][] => [[name, value]]);
        return of.required?.includes(name) ? there : seldom(there, []);
      };
      return fc.tuple(...Object.entries(properties).map(entry))
        .map((entries) => Object.fromEntries(entries.flat()));
    }
    if (type === "object") {
      const more = of.additionalProperties instanceof Object ? of.additionalProperties : {};
      return fc.dictionary(fc.constantFrom<string>("a", "b.c", "x", "__proto__"), make(more), {
        minKeys: of.minProperties ?? 0,
      });
    }
    return fc.oneof(JUNK, fc.jsonValue());
  };
  return make;
}

const MOST = 2 ** 31 - 1;

function whole({ minimum = 0, maximum = MOST }: Words): Arbitrary<number> {
  const [min, max] = [Math.max(minimum, -MOST), Math.min(maximum, MOST)];
  return fc.oneof(fc.integer({ min, max }), fc.integer({ min, max: Math.min(max, min + 20) }));
}

/** Texts that fit, names that are used often, and ids. */
function strings(of: Words, id: Arbitrary<string>): Arbitrary<string> {
  const { format, pattern = "", minLength = 0, maxLength = 50 } = of;
  if (format === "uuid") return fc.uuid({ version: 7 });
  if (format === "date-time") {
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  }
  const fits = new RegExp(pattern);
  const names = NAMES.filter((name) => fits.test(name));
  const usual = names.length === 0 ? fc.stringMatching(fits) : fc.constantFrom(...names);
  const odd = pattern === ""
    ? fc.string({ unit: "binary", minLength, maxLength: Math.min(maxLength, 50) })
    : fc.stringMatching(fits, { size: "small" });
  return fc.oneof({ weight: 6, arbitrary: usual }, { weight: 2, arbitrary: odd }, id);
}

/** `.` and `..` mean folders of an address, however they are written: no name gets there. */
function segment(text: string): string {
  return /^\.{1,2}$/.test(text) ? `_${text}` : encodeURIComponent(text);
}
