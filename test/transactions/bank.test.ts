import { createClient } from "@libsql/client";
import process from "node:process";
import { expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { findRuntime, type Runtime } from "../../scripts/runtimes.ts";
import { offered } from "../support/need.ts";
import { seeded } from "../support/random.ts";
import { spawnTs, type TsProcess } from "../support/spawn.ts";
import { findSqld, startSqld } from "../support/sqld.ts";
import { tempDir } from "../support/temp.ts";

const ACCOUNTS = 10;
const CENTS = 100_000;
const OVERDRAFTS = 5;
const LEASE_MS = 400;
const WAIT = { timeout: 60_000, interval: 20 };

// Nothing but the fence keeps a transfer from being applied twice: no key, no look beforehand.
const TABLES = `
  CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0));
  CREATE TABLE ledger (job TEXT NOT NULL, pid INTEGER NOT NULL, cents INTEGER NOT NULL);
  CREATE TABLE receipt (job TEXT NOT NULL)`;

/** Where the bank is, and how many transfers it sees there. */
const places: Readonly<Record<string, number>> = {
  "in a file": 600,
  ...(offered("a bank over sqld", findSqld()) && { "over a server": 300 }),
};

it.each(Object.entries(places))(
  "A14: no money is made or lost while workers are killed and leases expire, %s",
  { timeout: 120_000 },
  async (place, count) => {
    const seed = Number(process.env.BANK_SEED ?? Math.floor(Math.random() * 2 ** 32));
    console.log(`to repeat it: BANK_SEED=${seed}`);
    const random = seeded(seed);
    const below = (n: number): number => Math.floor(random() * n);
    await using bank = await openBank(place);
    const { url, rows } = bank;
    await using errand = await Errand.open({ url });
    const payload = (n: number) => {
      const from = below(ACCOUNTS);
      const to = (from + 1 + below(ACCOUNTS - 1)) % ACCOUNTS;
      const first = n % 100 === 50 ? "blocks" : n % 5 === 0 ? "waits" : undefined;
      return { from, to, cents: 1 + below(100), ...(first && { first }) };
    };
    const transfers = await errand.enqueueMany(
      Array.from({ length: count }, (_, n) => ({ task: "transfer", payload: payload(n) })),
    );
    const overdrafts = await errand.enqueueMany(
      Array.from({ length: OVERDRAFTS }, (_, n) => ({
        task: "transfer",
        payload: { from: n, to: n + 1, cents: CENTS * ACCOUNTS },
        retry: { maxAttempts: 2 },
      })),
    );

    const env = { BANK_URL: url, BANK_LEASE: `${LEASE_MS}` };
    const hire = async (runtime: Runtime): Promise<TsProcess> => {
      const here = findRuntime(runtime) === undefined ? "node" : runtime;
      const worker = await spawnTs(here, "test/transactions/bank-worker.ts", env);
      await worker.nextLine();
      return worker;
    };
    const one = async (sql: string): Promise<number> => Number((await rows(sql))[0]);
    const crew = await Promise.all((["node", "bun", "deno"] as const).map(hire));
    await using _all = disposeAll(crew);
    for (const share of [0.1, 0.3, 0.5]) {
      await expect.poll(() => one("SELECT count(*) FROM ledger"), WAIT).toBeGreaterThan(
        count * share,
      );
      const victim = crew.splice(below(crew.length), 1)[0]!;
      await victim.kill();
      crew.push(await hire("node"));
    }
    await expect.poll(async () => (await errand.stats()).completed, WAIT).toBe(2 * count);
    await expect.poll(async () => (await errand.stats()).failed, WAIT).toBe(OVERDRAFTS);

    expect(await one("SELECT sum(cents) FROM account"), "in all").toBe(ACCOUNTS * CENTS);
    const ids = transfers.map(({ id }) => id).sort();
    expect(await rows("SELECT job FROM ledger ORDER BY job"), "each once").toEqual(ids);
    expect(await rows("SELECT job FROM receipt ORDER BY job")).toEqual(ids);
    const refused = await Promise.all(overdrafts.map(async ({ id }) => (await errand.get(id))!));
    const reasons = refused.flatMap(({ errors }) => errors) // a killed worker may have held one
      .filter(({ code }) => code !== "LEASE_EXPIRED").map(({ message }) => message);
    expect(reasons).toEqual(reasons.map(() => expect.stringContaining("CHECK constraint failed")));
    expect(reasons.length).toBeGreaterThan(0);
    const expired = await Promise.all(ids.map(async (id) => (await errand.get(id))!.errors));
    const codes = expired.flat().map(({ code }) => code);
    expect(codes.length, "killed and blocked workers were rescued from").toBeGreaterThan(3);
    expect(new Set(codes)).toEqual(new Set(["LEASE_EXPIRED"]));
  },
);

interface Bank extends AsyncDisposable {
  readonly url: string;
  /** The first column of what a query answers. */
  rows(sql: string): Promise<unknown[]>;
}

async function openBank(place: string): Promise<Bank> {
  const at = place === "in a file" ? await onFile() : await startSqld();
  const client = createClient({ url: at.url });
  await client.executeMultiple(TABLES);
  for (let id = 0; id < ACCOUNTS; id++) {
    await client.execute({ sql: "INSERT INTO account VALUES (?, ?)", args: [id, CENTS] });
  }
  return {
    url: at.url,
    rows: async (sql) => (await client.execute(sql)).rows.map((row) => row[0]),
    async [Symbol.asyncDispose]() {
      client.close();
      await at[Symbol.asyncDispose]();
    },
  };
}

async function onFile(): Promise<AsyncDisposable & { readonly url: string }> {
  const dir = await tempDir();
  const url = `file:${dir.file("bank.db")}`;
  return { url, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

function disposeAll(crew: readonly TsProcess[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => void await Promise.all(crew.map((worker) => worker.kill())),
  };
}
