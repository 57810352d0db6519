import Database from "libsql";

/** What the bench uses of the native binding, whose own types describe another library. */
export interface Connection {
  exec(sql: string): void;
  prepare(sql: string): Prepared;
  close(): void;
}

/** A prepared statement; `raw` makes rows arrays. */
export interface Prepared {
  raw(raw: boolean): Prepared;
  run(args: readonly unknown[]): { readonly changes: number };
  all(args: readonly unknown[]): unknown[][];
}

const Binding = Database as unknown as {
  new (path: string): Connection;
  readonly prototype: Connection;
};

/** Opens a file over the bare native binding: WAL and `synchronous = NORMAL`, read back. */
export function connect(file: string): Connection {
  const connection = new Binding(file);
  connection.prepare("PRAGMA journal_mode = WAL").raw(true).all([]);
  connection.exec("PRAGMA synchronous = NORMAL");
  expectSettings(connection);
  return connection;
}

/** Runs `open`, which must open one connection, and reads the settings of that connection. */
export async function withSettings<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  const { exec } = Binding.prototype;
  let connection: Connection | undefined;
  Binding.prototype.exec = function (this: Connection, sql: string): void {
    connection = this;
    exec.call(this, sql);
  };
  const opened = await open();
  Binding.prototype.exec = exec;
  if (connection === undefined) throw new Error("Error: no database was opened");
  expectSettings(connection);
  return opened;
}

function expectSettings(connection: Connection): void {
  const settings = ["journal_mode", "synchronous"].map((name) =>
    connection.prepare(`PRAGMA ${name}`).raw(true).all([])[0]?.[0]
  );
  if (settings.join() !== "wal,1") throw new Error(`Error: the settings are ${settings}`);
}
