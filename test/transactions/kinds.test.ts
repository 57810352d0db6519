// Every kind of job, by each of the three ways in which a job is part of what its caller writes.
import { type Client, createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { defineTask, type EnqueueOptions, type SqlStatement, type Task } from "../../mod.ts";
import { type TestErrand, testErrand, type TestErrandOptions } from "../../src/testing/mod.ts";
import { ring } from "../support/keys.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

interface Shop extends AsyncDisposable {
  readonly client: Client;
  readonly errand: TestErrand;
  readonly path: string;
}

interface Item {
  readonly item: string;
  readonly size: number;
}

const ship = defineTask<Item>({
  name: "ship",
  index: ["size"],
  run: ({ input }) => `shipped ${input.item}`,
});
const secret = defineTask<Item>({ name: "secret", run: ({ input }) => `shipped ${input.item}` });
const order = defineTask<{ fails: boolean }>({
  name: "order",
  queue: "orders",
  retry: { maxAttempts: 1 },
  run: ({ input, complete }) => {
    const bad = { sql: "INSERT INTO note VALUES (NULL)" };
    return complete({ statements: [...carried, ...(input.fails ? [bad] : [])] });
  },
});
let carried: readonly SqlStatement[] = [];

async function openShop(options: TestErrandOptions = {}): Promise<Shop> {
  const dir = await tempDir();
  const path = dir.file("shop.db");
  const client = createClient({ url: `file:${path}` });
  const errand = await testErrand({ client, tasks: [ship, order], ...options });
  await client.execute("CREATE TABLE note (text TEXT NOT NULL)");
  return {
    ...{ client, errand, path },
    async [Symbol.asyncDispose]() {
      await errand.close({ grace: 0 });
      client.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Adds a job as part of something else, which is committed or not. */
type Way = (
  shop: Shop,
  job: readonly [Task<Item>, Item, EnqueueOptions?],
  end: "commit" | "rollback",
) => Promise<void>;

const ways: Readonly<Record<string, Way>> = {
  "in a transaction": async ({ client, errand }, [task, payload, options], end) => {
    const tx = await client.transaction("write");
    await errand.enqueue(task, payload, { ...options, tx });
    await tx[end]();
  },
  "by a batch of statements": async ({ client, errand }, job, end) => {
    const { statements } = await errand.statements.enqueue(...job);
    const bad = "INSERT INTO note VALUES (NULL)";
    const batch = client.batch([...statements, ...(end === "rollback" ? [bad] : [])], "write");
    if (end === "rollback") await expect(batch).rejects.toThrow("NOT NULL");
    else await batch;
  },
  "by the completion of another": async ({ errand }, job, end) => {
    carried = (await errand.statements.enqueue(...job)).statements;
    const { id } = await errand.enqueue(order, { fails: end === "rollback" });
    await errand.worker({ queues: ["orders"] }).drain();
    expect((await errand.get(id))!.state).toBe(end === "commit" ? "completed" : "failed");
  },
};

const list = async ({ errand }: Shop, queue = "default") =>
  (await errand.list({ queue, order: "oldest" })).jobs;

describe.each(Object.entries(ways))("A14: %s", (_, add) => {
  it("a unique job is added once, and once more when the first one has ended", async () => {
    await using shop = await openShop();
    const unique = { fields: ["item"] };
    await add(shop, [ship, { item: "a", size: 1 }, { unique }], "rollback");
    expect(await list(shop), "nobody holds the key of what was rolled back").toEqual([]);
    await add(shop, [ship, { item: "a", size: 1 }, { unique }], "commit");
    await add(shop, [ship, { item: "a", size: 2 }, { unique }], "commit");
    const duplicate = await shop.errand.enqueue(ship, { item: "a", size: 3 }, { unique });
    expect([duplicate.enqueued, duplicate.payload]).toEqual(["duplicate", { item: "a", size: 1 }]);
    await shop.errand.worker({ queues: ["default"] }).drain();
    await add(shop, [ship, { item: "a", size: 4 }, { unique }], "commit");
    const jobs = await list(shop);
    expect(jobs.map(({ state, payload }) => [state, payload])).toEqual([
      ["completed", { item: "a", size: 1 }],
      ["available", { item: "a", size: 4 }],
    ]);
  });

  it("a unique job changes the one that waits, as its onConflict says, or not at all", async () => {
    await using shop = await openShop();
    const { errand } = shop;
    const unique = (onConflict: "replace" | "reschedule") => ({ key: "one", onConflict });
    await errand.enqueue(ship, { item: "a", size: 1 }, { unique: { key: "one" } });
    const replacing = { unique: unique("replace") };
    await add(shop, [ship, { item: "b", size: 2 }, replacing], "rollback");
    expect(await list(shop)).toMatchObject([{ payload: { item: "a" } }]);
    await add(shop, [ship, { item: "b", size: 2 }, replacing], "commit");
    expect(await list(shop)).toMatchObject([{ payload: { item: "b" }, state: "available" }]);
    const later = { unique: unique("reschedule"), delay: "1h" } as const;
    await add(shop, [ship, { item: "c", size: 3 }, later], "commit");
    expect(await list(shop)).toMatchObject([{ payload: { item: "b" }, state: "scheduled" }]);
  });

  it("a unique job of a window is added when the window is over", async () => {
    await using shop = await openShop();
    const unique = { key: "one", window: "1h" } as const;
    await add(shop, [ship, { item: "a", size: 1 }, { unique }], "commit");
    await shop.errand.worker({ queues: ["default"] }).drain();
    await add(shop, [ship, { item: "b", size: 1 }, { unique }], "commit");
    expect(await list(shop)).toHaveLength(1);
    await shop.errand.clock.advance("1h");
    await add(shop, [ship, { item: "c", size: 1 }, { unique }], "commit");
    expect((await list(shop)).map(({ payload }) => payload)).toMatchObject([
      { item: "a" },
      { item: "c" },
    ]);
  });

  it("an encrypted job holds no plain text, and runs", async () => {
    await using shop = await openShop({ tasks: [secret, order], encryption: ring(1) });
    const unique = { key: "one" };
    await add(shop, [secret, { item: "passphrase", size: 1 }, { unique }], "rollback");
    await add(shop, [secret, { item: "passphrase", size: 1 }, { unique }], "commit");
    using raw = openRaw(shop.path);
    const stored = raw.rows("SELECT payload FROM errand_job WHERE task = 'secret'");
    expect(stored).toEqual([[expect.stringMatching(/^\{"\$enc":/)]]);
    expect(stored.flat().join()).not.toContain("passphrase");
    await shop.errand.worker({ queues: ["default"] }).drain();
    const done = { state: "completed", payload: { item: "passphrase", size: 1 } };
    expect(await list(shop)).toMatchObject([{ ...done, result: "shipped passphrase" }]);
  });

  it("a job with indexed fields is found by them once it is committed", async () => {
    await using shop = await openShop();
    const found = async () =>
      (await shop.errand.list({ task: "ship", where: { size: 42 } })).jobs.length;
    await add(shop, [ship, { item: "a", size: 42 }], "rollback");
    expect(await found()).toBe(0);
    await add(shop, [ship, { item: "a", size: 42 }], "commit");
    await add(shop, [ship, { item: "b", size: 41 }], "commit");
    expect(await found()).toBe(1);
  });

  it("a delayed job is due so long after its enqueueing, and runs then", async () => {
    await using shop = await openShop();
    const { errand } = shop;
    const now = errand.clock.now();
    await add(shop, [ship, { item: "a", size: 1 }, { delay: "1h" }], "rollback");
    await add(shop, [ship, { item: "b", size: 1 }, { delay: "1h" }], "commit");
    await add(shop, [ship, { item: "c", size: 1 }, { runAt: now + 7_200_000 }], "commit");
    const due = { state: "scheduled", runAt: new Date(now + 3_600_000) };
    expect(await list(shop)).toMatchObject([due, { runAt: new Date(now + 7_200_000) }]);
    const seen: number[] = [];
    for (const step of [0, 3_599_999, 1, 3_600_000]) {
      await errand.clock.advance(step);
      seen.push((await errand.worker({ queues: ["default"] }).drain()).completed);
    }
    expect(seen).toEqual([0, 0, 1, 1]);
  });
});

it("A14: a completion adds follow-up jobs of every kind at once, and they run", async () => {
  await using shop = await openShop();
  const { errand } = shop;
  const item = { item: "a", size: 1 };
  const all = await Promise.all([
    errand.statements.enqueueMany(ship, [item, { item: "b", size: 2 }]),
    errand.statements.enqueue(ship, item, { unique: true }),
    errand.statements.enqueue(ship, item, { unique: true }),
    errand.statements.enqueue(ship, item, { delay: "1h" }),
  ]);
  carried = all.flatMap(({ statements }) => statements);
  await errand.enqueue(order, { fails: false });
  expect(await errand.worker().drain()).toMatchObject({ completed: 4, failed: 0 });
  await errand.clock.advance("1h");
  expect(await errand.worker().drain()).toMatchObject({ completed: 1, failed: 0 });
  expect(await list(shop)).toHaveLength(4);
});

it("A14: a schedule's run adds a follow-up with its end", async () => {
  await using shop = await openShop();
  const { errand } = shop;
  await errand.schedules.upsert("nightly", { task: order, payload: { fails: false }, every: "1d" });
  carried = (await errand.statements.enqueue(ship, { item: "a", size: 1 })).statements;
  await errand.worker().drain();
  expect(await list(shop, "orders")).toMatchObject([
    { state: "completed", schedule: { name: "nightly" } },
  ]);
  expect(await list(shop)).toMatchObject([{ state: "completed", result: "shipped a" }]);
});
