// The places where the promises are tried.
import { type Client, createClient } from "@libsql/client";
import { describe, it } from "vitest";
import { Errand } from "../../mod.ts";
import { connect } from "../../src/client/mod.ts";
import { createApi } from "../../src/http/mod.ts";
import { listen } from "../support/listen.ts";
import { tempDir } from "../support/temp.ts";
import { eventually } from "./assert.ts";
import type { Place, Promises } from "./place.ts";

/** Gives each test an empty database. */
export type OpenPlace = () => Promise<Place & AsyncDisposable>;

/** Tries promises at a place; `name` is the row of the table that `deno task conformance` prints. */
export function conformance(
  name: string,
  all: readonly Readonly<Record<string, Promises>>[],
  openPlace: OpenPlace,
): void {
  describe.each(all.flatMap((subjects) => Object.entries(subjects)))(
    `${name}: %s`,
    (_, promises) => {
      it.each(Object.entries(promises))("%s", async (_, trial) => {
        await using place = await openPlace();
        await trial(place);
      });
    },
  );
}

/** A database in memory, which nobody else sees. */
export const memory: OpenPlace = () =>
  Promise.resolve({
    target: { url: ":memory:" },
    client(): never {
      throw new Error("Cannot share a database in memory");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });

/** A new file, for Errand to open or behind a client of the user's. */
export function file(kind: "url" | "client"): OpenPlace {
  return async () => {
    const dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const client = createClient({ url });
    return {
      target: kind === "url" ? { url } : { client },
      client: () => client,
      async [Symbol.asyncDispose]() {
        client.close();
        await dir[Symbol.asyncDispose]();
      },
    };
  };
}

/** A new file behind the HTTP API: each Errand is a client of a server of its own. */
export const api: OpenPlace = async () => {
  const place = await file("url")();
  const { url } = place.target;
  return {
    ...place,
    target: {},
    async open({ encryption, tasks = [], clock, ...options }) {
      const shared = { tasks, ...(clock !== undefined && { clock }) };
      const errand = await Errand.open({
        ...{ ...shared, ...(url !== undefined && { url }) },
        ...(encryption !== undefined && { encryption }),
      });
      const server = await listen(createApi(errand, { open: true }).fetch);
      const client = connect({ ...options, ...shared, url: server.url });
      const close = client.close.bind(client);
      return Object.assign(client, {
        async close(how: Parameters<typeof close>[0]) {
          await close(how);
          await errand.close({ grace: 0 });
          await server[Symbol.asyncDispose]();
        },
      });
    },
  };
};

/** Where a server's database is. */
export interface Target {
  readonly url: string;
  readonly authToken?: string;
}

/** A server's database, emptied for each test. */
export function server(found: () => Target): OpenPlace {
  return async () => {
    const target = found();
    const client = createClient(target);
    await empty(client);
    return {
      target,
      client: () => client,
      [Symbol.asyncDispose]: () => Promise.resolve(client.close()),
    };
  };
}

/** Makes the schema once, so that each test begins with empty tables. */
export async function prepare(target: Target): Promise<void> {
  const { url, authToken } = target;
  await (await Errand.open({ url, ...(authToken !== undefined && { authToken }) })).close();
  const client = createClient(target);
  await client.execute("CREATE TABLE IF NOT EXISTS emptied (id TEXT NOT NULL)");
  client.close();
}

const TABLES = `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'errand_%'
  AND name NOT IN ('errand_migration', 'errand_database')`;

/** Empties the tables, and waits until a replica has heard of it. */
async function empty(client: Client): Promise<void> {
  const tables = await eventually(async () => {
    const { rows } = await client.execute(TABLES);
    return rows.length > 0 && rows;
  });
  const id = crypto.randomUUID();
  const deletes = tables.map(({ name }) => `DELETE FROM ${name}`);
  const mark = { sql: "INSERT INTO emptied (id) VALUES (?)", args: [id] };
  await eventually(() =>
    client.batch([...deletes, mark], "write").catch((error) => {
      if (!/database is locked/.test(error.message)) throw error;
    })
  );
  const seen = { sql: "SELECT 1 FROM emptied WHERE id = ?", args: [id] };
  await eventually(async () => (await client.execute(seen)).rows.length > 0);
}
