// Bare connections to a database file, beside the one that is tested.
import Database from "libsql";
import type { Row, Statement } from "../../src/store/driver/driver.ts";

/** A connection of the native binding, without anything of Errand's. */
export interface Raw extends Disposable {
  exec(sql: string): void;
  /** The rows of a statement, each as an array. */
  rows(sql: string, ...args: Statement["args"]): Row[];
}

/** Opens a file by a connection of its own, which waits so many milliseconds for a lock. */
export function openRaw(path: string, timeout = 5_000): Raw {
  const db = new Database(path, { timeout });
  let open = true;
  return {
    exec: (sql) => void db.exec(sql),
    rows: (sql, ...args) => db.prepare(sql).raw(true).all(args) as Row[],
    [Symbol.dispose]: () => {
      if (open) db.close();
      open = false;
    },
  };
}

/** A connection that holds the write lock of a file until it is disposed of. */
export function holdLock(path: string): Disposable {
  const raw = openRaw(path);
  raw.exec("BEGIN IMMEDIATE");
  let held = true;
  return {
    [Symbol.dispose]: () => {
      if (!held) return;
      held = false;
      raw.exec("ROLLBACK");
      raw[Symbol.dispose]();
    },
  };
}
