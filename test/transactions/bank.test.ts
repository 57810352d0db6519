import process from "node:process";
import { expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { findRuntime, type Runtime } from "../../scripts/runtimes.ts";
import { seeded } from "../support/random.ts";
import { openRaw } from "../support/raw.ts";
import { spawnTs, type TsProcess } from "../support/spawn.ts";
import { tempDir } from "../support/temp.ts";

const ACCOUNTS = 10;
const CENTS = 100_000;
const TRANSFERS = 600;
const OVERDRAFTS = 5;
const LEASE_MS = 400;
const WAIT = { timeout: 60_000, interval: 20 };

// Nothing but the fence keeps a transfer from being applied twice: no key, no look beforehand.
const TABLES = `
  CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0));
  CREATE TABLE ledger (job TEXT NOT NULL, pid INTEGER NOT NULL, cents INTEGER NOT NULL);
  CREATE TABLE receipt (job TEXT NOT NULL)`;

it(
  "A14: no money is made or lost while workers are killed and leases expire",
  { timeout: 120_000 },
  async () => {
    const seed = Number(process.env.BANK_SEED ?? Math.floor(Math.random() * 2 ** 32));
    console.log(`to repeat it: BANK_SEED=${seed}`);
    const random = seeded(seed);
    const below = (n: number): number => Math.floor(random() * n);
    await using dir = await tempDir();
    const url = `file:${dir.file("bank.db")}`;
    await using errand = await Errand.open({ url });
    using raw = openRaw(dir.file("bank.db"));
    raw.exec(TABLES);
    for (let id = 0; id < ACCOUNTS; id++) {
      raw.exec(`INSERT INTO account VALUES (${id}, ${CENTS})`);
    }
    const payload = (n: number) => {
      const from = below(ACCOUNTS);
      const to = (from + 1 + below(ACCOUNTS - 1)) % ACCOUNTS;
      const first = n % 100 === 50 ? "blocks" : n % 5 === 0 ? "waits" : undefined;
      return { from, to, cents: 1 + below(100), ...(first && { first }) };
    };
    const transfers = await errand.enqueueMany(
      Array.from({ length: TRANSFERS }, (_, n) => ({ task: "transfer", payload: payload(n) })),
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
    const crew = await Promise.all((["node", "bun", "deno"] as const).map(hire));
    await using _all = disposeAll(crew);
    for (const share of [0.1, 0.3, 0.5]) {
      const applied = (): unknown => raw.rows("SELECT count(*) FROM ledger")[0]![0];
      await expect.poll(applied, WAIT).toBeGreaterThan(TRANSFERS * share);
      const victim = crew.splice(below(crew.length), 1)[0]!;
      await victim.kill();
      crew.push(await hire("node"));
    }
    await expect.poll(async () => (await errand.stats()).completed, WAIT).toBe(2 * TRANSFERS);
    await expect.poll(async () => (await errand.stats()).failed, WAIT).toBe(OVERDRAFTS);

    const one = (sql: string): unknown => raw.rows(sql)[0]![0];
    expect(one("SELECT sum(cents) FROM account"), "in all").toBe(ACCOUNTS * CENTS);
    const ids = transfers.map(({ id }) => id).sort();
    expect(raw.rows("SELECT job FROM ledger ORDER BY job").flat(), "each once").toEqual(ids);
    expect(raw.rows("SELECT job FROM receipt ORDER BY job").flat()).toEqual(ids);
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

function disposeAll(crew: readonly TsProcess[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => void await Promise.all(crew.map((worker) => worker.kill())),
  };
}
