// Whether a value is what a JSON Schema says, for the words that our documents use and no others.

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Where `$ref` leads. */
export type Schemas = Readonly<Record<string, JsonSchema>>;

const REF = "#/components/schemas/";
/** They say something to people, or are seen to by another word. */
const IGNORED = new Set(["description", "title", "examples", "default", "then", "else"]);

/** What a `$ref` leads to. */
export function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  if (typeof schema.$ref !== "string") return schema;
  const found = schemas[schema.$ref.slice(REF.length)];
  if (found === undefined) throw new Error(`There is no ${schema.$ref}`);
  return resolved(found, schemas);
}

/** Each thing that is wrong with `value`, with its path. */
export function faults(schema: JsonSchema, value: unknown, schemas: Schemas, at = ""): string[] {
  const of = resolved(schema, schemas);
  return Object.entries(of).flatMap(([word, rule]) => {
    if (IGNORED.has(word)) return [];
    const check = CHECKS[word];
    if (check === undefined) throw new Error(`Cannot check "${word}" of ${JSON.stringify(of)}`);
    return check(rule as never, value, { schemas, at, schema: of });
  });
}

interface Place {
  readonly schemas: Schemas;
  readonly at: string;
  readonly schema: JsonSchema;
}

type Check = (rule: never, value: unknown, place: Place) => string[];

function fact(holds: boolean, { at }: Place, what: string): string[] {
  return holds ? [] : [`${at || "the value"} ${what}`];
}

const CHECKS: Readonly<Record<string, Check>> = {
  type: (rule: string | string[], value, place) =>
    fact([rule].flat().some((type) => isOf(type, value)), place, `is no ${rule}`),
  enum: (rule: unknown[], value, place) =>
    fact(rule.includes(value), place, `is none of ${rule.join(", ")}`),
  const: (rule: unknown, value, place) => fact(value === rule, place, `is not ${rule}`),
  minimum: (rule: number, value, place) =>
    fact(typeof value !== "number" || value >= rule, place, `is below ${rule}`),
  maximum: (rule: number, value, place) =>
    fact(typeof value !== "number" || value <= rule, place, `is above ${rule}`),
  minLength: (rule: number, value, place) =>
    fact(typeof value !== "string" || [...value].length >= rule, place, "is too short"),
  maxLength: (rule: number, value, place) =>
    fact(typeof value !== "string" || [...value].length <= rule, place, "is too long"),
  pattern: (rule: string, value, place) =>
    fact(typeof value !== "string" || new RegExp(rule, "u").test(value), place, `is not ${rule}`),
  format: (rule: string, value, place) => {
    if (rule !== "date-time" && rule !== "uuid") throw new Error(`Cannot check format ${rule}`);
    const fits = (text: string): boolean =>
      rule === "uuid" ? /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) : isInstant(text);
    return fact(typeof value !== "string" || fits(value), place, `is no ${rule}`);
  },
  minItems: (rule: number, value, place) =>
    fact(!Array.isArray(value) || value.length >= rule, place, "has too few items"),
  maxItems: (rule: number, value, place) =>
    fact(!Array.isArray(value) || value.length <= rule, place, "has too many items"),
  minProperties: (rule: number, value, place) =>
    fact(!isObject(value) || Object.keys(value).length >= rule, place, "has too few members"),
  maxProperties: (rule: number, value, place) =>
    fact(!isObject(value) || Object.keys(value).length <= rule, place, "has too many members"),
  required: (rule: string[], value, place) =>
    rule.flatMap((name) =>
      fact(!isObject(value) || Object.hasOwn(value, name), place, `has no ${name}`)
    ),
  properties: (rule: Schemas, value, { schemas, at }) =>
    !isObject(value)
      ? []
      : Object.entries(rule).flatMap(([name, schema]) =>
        Object.hasOwn(value, name) ? faults(schema, value[name], schemas, `${at}.${name}`) : []
      ),
  additionalProperties: (rule: JsonSchema | boolean, value, place) => {
    if (!isObject(value) || rule === true) return [];
    const known = Object.keys(place.schema.properties ?? {});
    const more = Object.keys(value).filter((name) => !known.includes(name));
    if (rule === false) return fact(more.length === 0, place, `has unknown ${more}`);
    return more.flatMap((name) => faults(rule, value[name], place.schemas, `${place.at}.${name}`));
  },
  propertyNames: (rule: JsonSchema, value, { schemas, at }) =>
    !isObject(value)
      ? []
      : Object.keys(value).flatMap((name) => faults(rule, name, schemas, `${at} name ${name}`)),
  items: (rule: JsonSchema, value, { schemas, at }) =>
    !Array.isArray(value)
      ? []
      : value.flatMap((item, index) => faults(rule, item, schemas, `${at}[${index}]`)),
  allOf: (rule: JsonSchema[], value, { schemas, at }) =>
    rule.flatMap((each) => faults(each, value, schemas, at)),
  anyOf: (rule: JsonSchema[], value, { schemas, at }) => {
    const all = rule.map((each) => faults(each, value, schemas, at));
    if (all.some((of) => of.length === 0)) return [];
    return all.sort((a, b) => a.length - b.length)[0] ?? [`${at} has no alternative`];
  },
  oneOf: (rule: JsonSchema[], value, place) => {
    const fitting = rule.filter((each) => faults(each, value, place.schemas).length === 0);
    return fact(fitting.length === 1, place, `fits ${fitting.length} alternatives`);
  },
};

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text));
}
