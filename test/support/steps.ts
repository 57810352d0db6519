import { type Client, createClient, type InStatement } from "@libsql/client";
import Database from "libsql";

/** A client of a file that remembers the write batches that it ran. */
export interface RecordedClient extends Disposable {
  readonly client: Client;
  /** Write batches, oldest first. */
  readonly batches: InStatement[][];
}

/** Opens a recorded client. */
export function recordedClient(url: string): RecordedClient {
  const client = createClient({ url });
  const batches: InStatement[][] = [];
  const recorded = new Proxy(client, {
    get(target, key) {
      if (key !== "transaction") return bound(target, key);
      return async () => recordedTransaction(await target.transaction("deferred"), batches);
    },
  });
  return { client: recorded, batches, [Symbol.dispose]: () => client.close() };
}

function recordedTransaction(
  transaction: Awaited<ReturnType<Client["transaction"]>>,
  batches: InStatement[][],
): typeof transaction {
  return new Proxy(transaction, {
    get(target, key) {
      if (key !== "batch") return bound(target, key);
      return (statements: InStatement[]) => {
        batches.push(statements);
        return target.batch(statements);
      };
    },
  });
}

function bound<Target extends object>(
  target: Target,
  key: string | symbol,
): unknown {
  const value = Reflect.get(target, key, target);
  return typeof value === "function" ? value.bind(target) : value;
}

/** How much SQLite does for a batch on the file as it is now: steps of its virtual machine. */
export function stepsOf(
  path: string,
  statements: readonly InStatement[],
): number {
  const db = new Database(path);
  db.exec("BEGIN IMMEDIATE");
  let steps = 0;
  for (const statement of statements) {
    if (typeof statement === "string") {
      throw new Error("Cannot count: arguments are missing");
    }
    const prepared = db.prepare(statement.sql);
    const args = statement.args as unknown[];
    if (prepared.reader) prepared.all(args);
    else prepared.run(args);
    const counted = db.prepare(
      "SELECT sum(nstep) FROM sqlite_stmt WHERE sql = ?",
    ).raw(true);
    const [row] = counted.all([statement.sql]) as unknown[][];
    steps += Number(row?.[0]);
  }
  db.exec("ROLLBACK");
  db.close();
  return steps;
}
