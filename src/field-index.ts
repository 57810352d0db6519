/**
 * The payload fields that a task declares as searchable, checked.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";
import type { Schema } from "./schema.ts";

const FIELD = /^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}$/;
const FIELDS_MAX = 8;

/** Whether `field` can be the path of a searchable field: `"size"`, `"customer.id"`. */
export function isFieldPath(field: unknown): field is string {
  return typeof field === "string" && FIELD.test(field);
}

/** The checked `index` option of a task. Throws `INVALID_INPUT`. */
export function checkIndex(
  index: readonly string[],
  schema: Schema | undefined,
  what: string,
): readonly string[] {
  if (!Array.isArray(index) || index.length > FIELDS_MAX) {
    throw invalid(
      `Cannot use ${show(index)} as the index of ${what}: it is a list of up to ${FIELDS_MAX} ` +
        `payload fields`,
    );
  }
  for (const field of index) {
    if (!isFieldPath(field)) {
      throw invalid(
        `Cannot index ${show(field)} of ${what}: a field is a name of letters, digits and "_", ` +
          `or several of them joined by "."`,
      );
    }
    refuseUnknown(field, schema, what);
  }
  const twice = index.find((field, at) => index.indexOf(field) !== at);
  if (twice !== undefined) throw invalid(`Cannot index "${twice}" of ${what} twice`);
  return Object.freeze([...index]);
}

/**
 * Standard Schema does not say which fields there are. Valibot's objects do by `entries`, those of
 * zod 4 by `shape`; every other schema is believed.
 */
function refuseUnknown(field: string, schema: Schema | undefined, what: string): void {
  let at: unknown = schema;
  for (const name of field.split(".")) {
    const fields = fieldsOf(at);
    if (fields === undefined) return;
    if (!Object.hasOwn(fields, name)) {
      throw invalid(
        `Cannot index "${field}" of ${what}: its schema has no such field, only ` +
          (Object.keys(fields).join(", ") || "none"),
      );
    }
    at = fields[name];
  }
}

/** What is looked at of a schema of valibot, or of zod. */
interface Described {
  readonly type?: unknown;
  readonly entries?: unknown;
  readonly shape?: unknown;
  /** What an optional or nullable field is without that: of valibot … */
  readonly wrapped?: unknown;
  /** … and of zod, which also says here what further fields an object takes. */
  readonly def?: { readonly innerType?: unknown; readonly catchall?: Described };
}

/** Objects that take further fields are not asked. */
const CLOSED = ["object", "strict_object"];

function fieldsOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  const { type, entries, shape, wrapped, def } = (schema ?? {}) as Described;
  const inner = wrapped ?? def?.innerType;
  if (inner !== undefined) return fieldsOf(inner);
  const fields = entries ?? shape;
  const open = def?.catchall !== undefined && def.catchall.type !== "never";
  return CLOSED.includes(String(type)) && !open && typeof fields === "object" && fields !== null
    ? fields as Readonly<Record<string, unknown>>
    : undefined;
}
