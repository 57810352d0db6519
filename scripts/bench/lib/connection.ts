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

/** What Errand tunes on its connections, so that those of the floor are no slower. */
const tuned = new Map<string, unknown>([["wal_autocheckpoint", 1_000], [
  "cache_size",
  -2_000,
]]);

/**
 * Opens a file over the bare native binding: WAL and `synchronous = NORMAL`, read back, and tuned
 * as the Errand that `withSettings` has opened before.
 */
export function connect(file: string): Connection {
  const connection = new Binding(file);
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  for (const [name, value] of tuned) {
    connection.exec(`PRAGMA ${name} = ${value}`);
  }
  expectSettings(connection);
  return connection;
}

/** Runs `open`, which must open one connection, and reads the settings of that connection. */
export async function withSettings<Opened>(
  open: () => Promise<Opened>,
): Promise<Opened> {
  const { exec } = Binding.prototype;
  let connection: Connection | undefined;
  Binding.prototype.exec = function (this: Connection, sql: string): void {
    connection = this;
    exec.call(this, sql);
  };
  try {
    const opened = await open();
    if (connection === undefined) {
      throw new Error("Error: no database was opened");
    }
    expectSettings(connection);
    for (const name of tuned.keys()) tuned.set(name, setting(connection, name));
    return opened;
  } finally {
    Binding.prototype.exec = exec;
  }
}

function expectSettings(connection: Connection): void {
  const settings = ["journal_mode", "synchronous"].map((name) => setting(connection, name));
  if (settings.join() !== "wal,1") {
    throw new Error(`Error: the settings are ${settings}`);
  }
}

/** What a PRAGMA is set to. */
function setting(connection: Connection, name: string): unknown {
  return connection.prepare(`PRAGMA ${name}`).raw(true).all([])[0]?.[0];
}
