/**
 * Any schema library that follows the Standard Schema specification (valibot, zod, arktype, …).
 *
 * @module
 */
import { pathText } from "./codec.ts";
import { ErrandError, invalid, type Issue } from "./errors.ts";

/** What Errand needs of a schema: version 1 of https://standardschema.dev. */
export interface Schema<Input = unknown, Output = Input> {
  /** The specification's one property. */
  readonly "~standard": {
    /** The version of the specification. */
    readonly version: 1;
    /** The library that made the schema. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Carries the types; never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The parsed value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One complaint of a schema. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where: keys, or objects that hold one. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The parsed value, at once when the schema answers at once; throws `INVALID_INPUT`. */
export function parse(
  schema: Schema | undefined,
  value: unknown,
  subject: string,
): unknown | Promise<unknown> {
  if (schema === undefined) return value;
  const result = schema["~standard"].validate(value);
  return result instanceof Promise
    ? result.then((late) => accepted(late, subject))
    : accepted(result, subject);
}

function accepted(result: SchemaResult<unknown>, subject: string): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(toIssue);
  throw invalid(
    `Cannot ${subject}: ` +
      issues.map((issue) => `payload${pathText(issue.path)}: ${issue.message}`).join("; "),
    issues,
  );
}

function toIssue(issue: SchemaIssue): Issue {
  const path = (issue.path ?? []).map((step) => typeof step === "object" ? step.key : step);
  return {
    message: issue.message,
    path: path.map((key) => typeof key === "symbol" ? String(key) : key),
  };
}

/** Whether `error` says that an input is wrong. */
export function isInvalidInput(error: unknown): error is ErrandError {
  return error instanceof ErrandError && error.code === "INVALID_INPUT";
}
