/**
 * Statements that a caller gives to be run in the batch that completes a job, or gets to be run in
 * a batch of its own.
 *
 * @module
 */
import { type ErrandError, invalid, show } from "./errors.ts";
import { readSql } from "./sql-text.ts";

/** A value that a statement may bind. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** One statement, as `client.batch()` of `@libsql/client` takes it. */
export interface SqlStatement {
  /** The text of one statement, with `?` or `?1`, `?2`, … */
  sql: string;
  /** Their values, one for each. */
  args: SqlValue[];
}

/** A statement that a handler completes its job with. */
export interface StatementInput {
  /** The text of one statement that changes or reads rows, with `?` or `?1`, `?2`, … */
  readonly sql: string;
  /** Their values, one for each. @default none */
  readonly args?: readonly SqlValue[];
}

/** What a handler returns to complete its job together with writes of its own. */
export interface Completion<Result = unknown> {
  /** Marks the value. */
  readonly completes: true;
  /** The job's result. */
  readonly result: Result;
}

/** What a job is completed with. */
export interface CompleteOptions<Result> {
  /** The job's result: any JSON value. @default null */
  readonly result?: Result;
  /** Run in the batch that completes the job, in this order, at most 1,000 of them. */
  readonly statements?: readonly StatementInput[];
}

const STATEMENTS_MAX = 1_000;
const SQL_MAX_LENGTH = 1_000_000;
const BIGINT_MAX = 2n ** 63n;

/** Whatever else would end the batch's transaction, or change the connection or the schema. */
const VERBS = ["INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH", "VALUES"];

/**
 * Statements that a batch can take, as copies.
 *
 * @throws {ErrandError} `INVALID_INPUT`, with the index of the statement that cannot be used.
 */
export function checkStatements(
  statements: readonly StatementInput[],
  act: string,
): readonly SqlStatement[] {
  if (!Array.isArray(statements) || statements.length > STATEMENTS_MAX) {
    const fact = Array.isArray(statements) ? `${statements.length} of them` : show(statements);
    throw invalid(
      `Cannot ${act}: statements is ${fact}, not an array of at most ${STATEMENTS_MAX}`,
    );
  }
  return statements.map((statement: unknown, index) => {
    const { sql, args = [] } = (statement ?? {}) as Partial<StatementInput>;
    const fact = sqlFault(sql, statement) ?? argsFault(args, readSql(sql!));
    if (fact !== undefined) throw refused(act, index, fact);
    return { sql: sql!, args: [...args] };
  });
}

function refused(act: string, index: number, fact: string): ErrandError {
  return invalid(`Cannot ${act}: statements[${index}] ${fact}`, [
    { message: fact, path: ["statements", index] },
  ]);
}

function sqlFault(sql: unknown, statement: unknown): string | undefined {
  if (typeof sql !== "string") return `is ${show(statement)}, not { sql, args }`;
  if (sql.length > SQL_MAX_LENGTH) return `has ${sql.length} characters: bind long values`;
  if (sql.includes("\0") || /\p{Cs}/u.test(sql)) return "has a character that is no text";
  const { verb, more, named } = readSql(sql);
  if (!VERBS.includes(verb)) {
    return `begins with ${show(verb)}: it is one of ${VERBS.join(", ")}, as all of them run in ` +
      `one transaction that Errand begins and commits`;
  }
  if (more) return "holds more than one statement: pass each as an element of its own";
  if (named !== undefined) return `has the parameter ${named}: only ? and ?1, ?2, … are bound`;
  return undefined;
}

function argsFault(args: unknown, { parameters }: { parameters: number }): string | undefined {
  if (!Array.isArray(args)) return `has ${show(args)} as args, not an array of values`;
  const wrong = args.findIndex((value) => !isValue(value));
  if (wrong >= 0) {
    return `has ${show(args[wrong])} in args[${wrong}]: a value is text, a finite number, a ` +
      `bigint of 64 bits, bytes or null`;
  }
  if (args.length === parameters) return undefined;
  return `takes ${parameters} values and args has ${args.length}`;
}

function isValue(value: unknown): value is SqlValue {
  switch (typeof value) {
    case "string":
      return !/\p{Cs}/u.test(value);
    case "number":
      return Number.isFinite(value);
    case "bigint":
      return value >= -BIGINT_MAX && value < BIGINT_MAX;
    default:
      return value === null || value instanceof Uint8Array;
  }
}
