/**
 * Adding jobs in a transaction of the caller's, or by statements in a batch of the caller's.
 *
 * @module
 */
import type { EnqueueAnswer } from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import { ErrandError, invalid, show } from "../errors.ts";
import type { SqlStatement } from "../statement.ts";
import type { JoinedResult, JoinedTransaction } from "../transaction.ts";
import type { Driver, Statement, Value } from "./driver/driver.ts";
import { databaseError, isBusy, isGuard, isMissingTable } from "./driver/faults.ts";
import { CREATED_AT, insertStatements } from "./enqueue.ts";
import { isUnique, uniqueAnswer, uniqueQuestions } from "./unique.ts";

const IDENTITY = "SELECT id FROM errand_database";

/** Fails, and nothing after it is run, in a transaction of another database. */
const SAME_DATABASE = `SELECT CASE (${IDENTITY}) WHEN ?1 THEN 1 ELSE json('OTHER_DATABASE') END`;

/** What tells this database from every other. */
export async function identity(driver: Driver): Promise<string> {
  const [found] = await driver.read([{ sql: IDENTITY, args: [] }]);
  return String(found!.rows[0]?.[0]);
}

/** The statements that add `jobs`. */
export function enqueueStatements(now: number | null, jobs: readonly NewJob[]): SqlStatement[] {
  return insertStatements(now, jobs).map(toSql);
}

function toSql({ sql, args }: Statement): SqlStatement {
  return { sql, args: [...args] };
}

/** Adds `jobs` in `transaction`, after a look whether it is one of the database `id`. */
export async function join(
  transaction: JoinedTransaction,
  id: string,
  now: number | null,
  jobs: readonly NewJob[],
): Promise<EnqueueAnswer> {
  if (typeof transaction?.batch !== "function") {
    throw invalid(`Cannot enqueue in ${show(transaction)}: it is no libSQL transaction`);
  }
  if (transaction.closed) throw invalid("Cannot enqueue in the transaction: it has ended");
  const unique = jobs.some(isUnique);
  const createdAt = { sql: CREATED_AT, args: [jobs[0]!.id] };
  try {
    const results = await transaction.batch([
      { sql: SAME_DATABASE, args: [id] },
      ...enqueueStatements(now, jobs),
      ...(unique ? uniqueQuestions(now, jobs).map(toSql) : [createdAt]),
    ]);
    const rows = (of: JoinedResult) => of.rows.map((row) => Array.from(row as ArrayLike<Value>));
    if (unique) return uniqueAnswer(results.map((of) => ({ rows: rows(of) })));
    return { createdAtMs: Number(results.at(-1)?.rows[0]?.[0]) };
  } catch (error) {
    throw joinError(error);
  }
}

function joinError(error: unknown): ErrandError {
  if (isGuard(error) || isMissingTable(error)) {
    return new ErrandError(
      "INVALID_INPUT",
      "Cannot enqueue in the transaction: it is one of another database than this Errand's",
      { cause: error },
    );
  }
  if (!isBusy(error)) return databaseError(error, "enqueue in the transaction");
  return new ErrandError(
    "DATABASE_BUSY",
    "Cannot enqueue in the transaction: another writer holds the lock; roll it back, and begin " +
      'one that takes the lock itself: transaction("write")',
    { cause: error },
  );
}
