/**
 * What a database error means: try again, or say so in words.
 *
 * @module
 */
import { ErrandError, type ErrorCode } from "../../errors.ts";

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

/** Whether a deliberately failing statement, see `GUARD` in migrate.ts, raised the error. */
export function isGuard(error: unknown): boolean {
  return /malformed JSON/i.test(fault(error).text);
}

/** Whether an embedded replica refused what every client of a file takes: to be in WAL mode. */
export function isReplica(error: unknown): boolean {
  return /UnsupportedStatement/.test(fault(error).text);
}

/** Whether a statement itself was at fault, rather than the way to the database. */
export function isStatementFault(error: unknown): boolean {
  const { code, text } = fault(error);
  return !isBusy(error) && (error instanceof RangeError ||
    /SQLITE_(ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE|AUTH|UNKNOWN)|SQL_|ARGS_|RESPONSE_/.test(
      code,
    ) ||
    (code.includes("PROXY_ERROR") && ON_PRIMARY.test(text)));
}

/** A replica has one code for all that goes wrong on its primary, or on the way there. */
const ON_PRIMARY =
  /constraint failed|no such (table|column|function)|malformed JSON|too big|datatype mismatch/i;

/**
 * What became of a batch that a server has not answered with results. `"busy"`, `"unsent"`: nothing
 * was written, and it may be sent again. `"unknown"`: it may have been committed. `"refused"`: it
 * was not, and never will be.
 */
export function remoteFate(error: unknown): "busy" | "unsent" | "unknown" | "refused" {
  const { code, text } = fault(error);
  const status = statusOf(error);
  if (isBusy(error)) return "busy";
  if (isStatementFault(error) || /BLOCKED|AUTH_/.test(code)) return "refused";
  if (status === 429 || /TRANSACTION_TIMEOUT|STREAM_EXPIRED/.test(code)) return "unsent";
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(`${code} ${text} ${causes(error)}`)) return "unsent";
  if (status !== undefined && status >= 400 && status < 500 && status !== 408) return "refused";
  return "unknown";
}

/** The status of the answer of a server that refused a request, wherever the client put it. */
function statusOf(error: unknown): number | undefined {
  const { status, cause } = error as { readonly status?: unknown; readonly cause?: unknown };
  if (typeof status === "number") return status;
  const told = /HTTP status (\d{3})/.exec(fault(error).text)?.[1];
  if (told !== undefined) return Number(told);
  return typeof cause === "object" && cause !== null ? statusOf(cause) : undefined;
}

function causes(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  if (typeof cause !== "object" || cause === null) return "";
  const { code, text } = fault(cause);
  return `${code} ${text} ${causes(cause)}`;
}

/** The error of a call after the close. */
export function closedError(cause?: unknown): ErrandError {
  const message = "Cannot use the database: it is closed";
  return new ErrandError("DATABASE_UNAVAILABLE", message, { cause });
}

/** The error of a request that was not answered in time. */
export function requestTimeoutError(requestTimeoutMs: number): Error {
  return new Error(`the server did not answer within ${requestTimeoutMs} ms`);
}

/** Whether a table is missing that a statement names. */
export function isMissingTable(error: unknown): boolean {
  return /no such table/i.test(fault(error).text);
}

/** The error that a user sees. `act` reads on after "Cannot": "open errand.db". */
export function databaseError(error: unknown, act: string): ErrandError {
  if (error instanceof ErrandError) return error;
  const { code, text } = fault(error);
  const [kind, fact] = refusal(error) ?? ["DATABASE_UNAVAILABLE", explain(code, text)];
  return new ErrandError(kind, `Cannot ${act}: ${fact}`, { cause: error });
}

/** What a server's refusal is called here. */
function refusal(error: unknown): readonly [ErrorCode, string] | undefined {
  const { code, text } = fault(error);
  const told = ` (${text})`;
  switch (/AUTH_/.test(code) ? 401 : statusOf(error)) {
    case 401:
      return ["UNAUTHORIZED", `the server does not know the authToken, or it has expired${told}`];
    case 403:
      return ["FORBIDDEN", `the authToken does not allow it${told}`];
    case 404:
      return [
        "DATABASE_UNAVAILABLE",
        `there is no such database (namespace), or no libSQL server, at this address${told}`,
      ];
    case 429:
      return ["RATE_LIMITED", `the server asks for fewer requests${told}`];
  }
  if (/TOOBIG|exceed.*(size|limit)|too (large|big)/i.test(`${code} ${text}`)) {
    return ["PAYLOAD_TOO_LARGE", `the server takes no value, or request, so large${told}`];
  }
  if (/BLOCKED/.test(code)) return ["FORBIDDEN", `the server blocks it${told}`];
  return undefined;
}

const EXPLANATIONS: readonly (readonly [RegExp, string])[] = [
  [
    /NOTADB|not a database/i,
    "the file is no SQLite database, or an encrypted one; name another file, or move it away",
  ],
  [
    /CANTOPEN|unable to open|connection to local database: 14/i,
    "its folder does not exist, or the file or folder may not be written, or it is itself a " +
    "folder; create the folder, mend its permissions, or name a file",
  ],
  [
    /READONLY|readonly|read-only/i,
    "it may only be read; mend the permissions of the file and folder",
  ],
  [/SQLITE_FULL|disk is full/i, "the disk is full; nothing of this call was written, make room"],
  [/CORRUPT|malformed(?! JSON)/i, "the database file is damaged; restore it from a backup"],
  [
    /not valid JSON|Unexpected token|JSON Parse error|ProtoError/i,
    "what is at this address does not answer as a libSQL server does; see whether it is one",
  ],
  [
    /HRANA_WEBSOCKET_ERROR/,
    "the server cannot be reached by a socket, or does not take the authToken, which only its " +
    "https: (or http:) address tells; what was asked for may or may not have been done",
  ],
  [
    /fetch failed|ECONN|EPROTO|ENOTFOUND|network|socket|certificate|terminated|did not answer/i,
    "the server cannot be reached; what was asked for may or may not have been done",
  ],
  [
    /IOERR|disk I\/O/i,
    "the disk refused to read or write, as a full one may; nothing of this call was written",
  ],
];

function explain(code: string, text: string): string {
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(code) || pattern.test(text));
  return known === undefined ? text : `${known[1]} (${text})`;
}
