// Jobs that are enqueued in a transaction or a batch of the caller's.
import { type Client, createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type JoinedTransaction } from "../../mod.ts";
import { tempDir } from "../support/temp.ts";

const ran: unknown[] = [];
const ship = defineTask<number>({ name: "ship", run: ({ input }) => void ran.push(input) });

interface Shop extends AsyncDisposable {
  readonly client: Client;
  readonly errand: Errand;
  orders(): Promise<number>;
}

/** A shop's client, and a queue in the same file, by its `url` or by the very client. */
async function openShop(by: "url" | "client"): Promise<Shop> {
  const dir = await tempDir();
  const url = `file:${dir.file("shop.db")}`;
  const client = createClient({ url });
  const errand = await Errand.open({ ...(by === "url" ? { url } : { client }), tasks: [ship] });
  await client.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
  return {
    ...{ client, errand },
    orders: async () => (await client.execute("SELECT id FROM orders")).rows.length,
    async [Symbol.asyncDispose]() {
      await errand.close({ grace: 0 });
      client.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe.each(["url", "client"] as const)("A14: in a caller's transaction, by %s, a job", (by) => {
  it("is there once it is committed, and not before", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const tx = await client.transaction("write");
    await tx.execute("INSERT INTO orders VALUES (7)");
    const job = await errand.enqueue(ship, 7, { tx, priority: 3, delay: "1h" });
    expect(job).toMatchObject({ state: "scheduled", payload: 7, priority: 3 });
    expect(job.runAt.getTime() - job.createdAt.getTime()).toBe(3_600_000);
    expect(await errand.get(job.id), "not committed").toBeUndefined();
    expect(await shop.orders()).toBe(0);
    await tx.commit();
    const { enqueued, ...stored } = job;
    expect(enqueued).toBe("inserted");
    expect(await errand.get(job.id)).toEqual(stored);
    expect(await shop.orders()).toBe(1);
  });

  it("is never there when it is rolled back", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const tx = await client.transaction("write");
    await tx.execute("INSERT INTO orders VALUES (7)");
    await errand.enqueue("ship", 7, { tx });
    await errand.enqueueMany(ship, [1, 2, 3], { tx });
    await errand.enqueueMany([{ task: ship, payload: 4 }], { tx });
    await tx.rollback();
    expect((await errand.list()).jobs).toEqual([]);
    expect(await shop.orders()).toBe(0);
  });

  it("of many is there with all the others", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const tx = await client.transaction("write");
    const jobs = await errand.enqueueMany(ship, [1, 2, 3], { tx, queue: "q" });
    const more = await errand.enqueueMany([{ task: ship, payload: 4, queue: "p" }], { tx });
    await tx.commit();
    const stored = (await errand.list({ order: "oldest" })).jobs;
    expect(stored.map(({ id }) => id)).toEqual([...jobs, ...more].map(({ id }) => id));
    expect(stored.map(({ payload, queue }) => [payload, queue]))
      .toEqual([[1, "q"], [2, "q"], [3, "q"], [4, "p"]]);
  });

  it("runs as soon as its worker is told of the commit, or sees it", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    ran.length = 0;
    await errand.worker({ pollInterval: "60s" }).start();
    const tx = await client.transaction("write");
    const job = await errand.enqueue(ship, 7, { tx });
    await tx.commit();
    if (by === "client") errand.wake();
    expect((await errand.wait(job.id, { timeout: "5s" })).state).toBe("completed");
    expect(ran).toEqual([7]);
  });

  it("that its task's schema refuses, or options, is refused before it is touched", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const tx = await client.transaction("write");
    await expect(errand.enqueue(ship, BigInt(1) as unknown as number, { tx }))
      .rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(errand.enqueue("nobody knows", 1, { tx }))
      .rejects.toMatchObject({ code: "INVALID_INPUT" });
    await tx.commit();
    expect((await errand.list()).jobs).toEqual([]);
  });
});

describe("a transaction that no job can join:", () => {
  const refused = async (errand: Errand, tx: unknown, why: RegExp): Promise<void> => {
    const enqueueing = errand.enqueue(ship, 1, { tx: tx as JoinedTransaction });
    await expect(enqueueing).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(why),
    });
  };

  it("one of another database, with an Errand of its own or without", async () => {
    await using shop = await openShop("url");
    await using other = await openShop("client");
    const plain = createClient({ url: ":memory:" });
    for (const client of [other.client, plain]) {
      const tx = await client.transaction("write");
      await refused(shop.errand, tx, /^Cannot enqueue in the transaction: .* another database/);
      expect(tx.closed, "it stays its owner's").toBe(false);
      await tx.commit();
    }
    expect((await other.errand.list()).jobs).toEqual([]);
    plain.close();
  });

  it("one that was committed, rolled back or closed", async () => {
    await using shop = await openShop("url");
    for (const end of ["commit", "rollback", "close"] as const) {
      const tx = await shop.client.transaction("write");
      await tx[end]();
      await refused(shop.errand, tx, /^Cannot enqueue in the transaction: it has ended$/);
    }
    expect((await shop.errand.list()).jobs).toEqual([]);
  });

  it("something else", async () => {
    await using shop = await openShop("url");
    await refused(shop.errand, null, /^Cannot enqueue in null: it is no libSQL transaction$/);
    await refused(shop.errand, {}, /^Cannot enqueue in \{\}: it is no libSQL transaction$/);
  });

  it("one that cannot take the lock", async () => {
    await using shop = await openShop("url");
    const holder = await shop.client.transaction("write");
    const tx = await shop.client.transaction("deferred");
    await expect(shop.errand.enqueue(ship, 1, { tx })).rejects.toMatchObject({
      code: "DATABASE_BUSY",
      message: expect.stringContaining('transaction("write")'),
    });
    tx.close();
    holder.close();
  });
});

describe.each(["url", "client"] as const)("A14: as statements, by %s, a job", (by) => {
  it("is enqueued by the caller's own batch, all of it or nothing", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const { id, statements } = await errand.statements.enqueue(ship, 7, { meta: { by: "me" } });
    const order = { sql: "INSERT INTO orders VALUES (?)", args: [7] };
    expect(await errand.get(id)).toBeUndefined();
    await client.batch([order, ...statements], "write");
    expect(await errand.get(id)).toMatchObject({ id, payload: 7, meta: { by: "me" } });
    const again = await errand.statements.enqueue(ship, 8);
    await expect(client.batch([...again.statements, order], "write")).rejects.toThrow("UNIQUE");
    expect(await errand.get(again.id), "rolled back").toBeUndefined();
    expect(await shop.orders()).toBe(1);
  });

  it("is enqueued once, however often they are run", async () => {
    await using shop = await openShop(by);
    const { client, errand } = shop;
    const { ids, statements } = await errand.statements.enqueueMany("ship", [1, 2, 3]);
    await client.batch(statements, "write");
    await client.batch(statements, "write");
    expect((await errand.list({ order: "oldest" })).jobs.map(({ id }) => id)).toEqual(ids);
  });

  it("is checked as by enqueue", async () => {
    await using shop = await openShop(by);
    const { statements } = shop.errand;
    await expect(statements.enqueue("unknown")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(statements.enqueue(ship, 1, { delay: "1 year" as "1d" }))
      .rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(statements.enqueueMany(ship, Array.from({ length: 10_001 }, () => 1)))
      .rejects.toMatchObject({ message: expect.stringContaining("10001 jobs at once") });
    expect((await statements.enqueueMany(ship, [])).statements).toEqual([]);
    // @ts-expect-error a payload that the task does not take
    await statements.enqueue(ship, "text");
  });
});
