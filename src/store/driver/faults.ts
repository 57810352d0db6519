/**
 * What a database error means: try again, or say so in words.
 *
 * @module
 */
import { ErrandError } from "../../errors.ts";

/** The code and text of whatever a driver threw. */
interface Fault {
  readonly code: string;
  readonly text: string;
}

function fault(error: unknown): Fault {
  const { code, extendedCode, message } = error as Record<string, unknown>;
  return { code: `${code ?? ""} ${extendedCode ?? ""}`, text: String(message ?? error) };
}

/** Whether another writer held the lock: nothing was written, and trying again may help. */
export function isBusy(error: unknown): boolean {
  const { code, text } = fault(error);
  return /SQLITE_(BUSY|LOCKED)|TRANSACTION_ACTIVE/.test(code) || /database is locked/i.test(text);
}

/** Whether a prepared statement met a lock, and stays half-run on its connection. */
export function isStuck(error: unknown): boolean {
  return /SQLITE_BUSY/.test(fault(error).code);
}

/** Whether a deliberately failing statement, see `guard` in migrations.ts, raised the error. */
export function isGuard(error: unknown): boolean {
  return /malformed JSON/i.test(fault(error).text);
}

/** Whether a statement itself was at fault, rather than the way to the database. */
export function isStatementFault(error: unknown): boolean {
  const { code } = fault(error);
  return !isBusy(error) && (error instanceof RangeError ||
    /SQLITE_(ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE|AUTH|UNKNOWN)|SQL_|ARGS_|RESPONSE_/.test(code));
}

/** Whether a table is missing that a statement names. */
export function isMissingTable(error: unknown): boolean {
  return /no such table/i.test(fault(error).text);
}

/** The error that a user sees. `act` reads on after "Cannot": "open errand.db". */
export function databaseError(error: unknown, act: string): ErrandError {
  if (error instanceof ErrandError) return error;
  const { code, text } = fault(error);
  return new ErrandError("DATABASE_UNAVAILABLE", `Cannot ${act}: ${explain(code, text)}`, {
    cause: error,
  });
}

const EXPLANATIONS: readonly (readonly [RegExp, string])[] = [
  [
    /NOTADB|not a database/i,
    "the file is no SQLite database, or an encrypted one; name another file, or move it away",
  ],
  [
    /CANTOPEN|unable to open|connection to local database: 14/i,
    "its folder does not exist, or the file or folder may not be written; create the folder or " +
    "mend its permissions",
  ],
  [
    /READONLY|readonly|read-only/i,
    "it may only be read; mend the permissions of the file and folder",
  ],
  [/SQLITE_FULL|disk is full/i, "the disk is full; nothing of this call was written, make room"],
  [/CORRUPT|malformed(?! JSON)/i, "the database file is damaged; restore it from a backup"],
  [/IOERR|disk I\/O/i, "the disk refused to read or write; nothing of this call was written"],
];

function explain(code: string, text: string): string {
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(code) || pattern.test(text));
  return known === undefined ? text : `${known[1]} (${text})`;
}
