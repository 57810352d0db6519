// A client that the user has opened, and goes on using beside Errand.
import { type Client, type Config, createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { Errand } from "../../../src/errand.ts";
import { holdLock, openRaw } from "../../support/raw.ts";
import { tempDir } from "../../support/temp.ts";

const kinds: Readonly<Record<string, (path: string) => Config>> = {
  "of a file": (path) => ({ url: `file:${path}` }),
  "of a file, with one connection": (path) => ({ url: `file:${path}`, concurrency: 1 }),
  "of a file, with bigints": (path) => ({ url: `file:${path}`, intMode: "bigint" }),
  "of memory": () => ({ url: ":memory:" }),
};

async function withClient(
  config: (path: string) => Config,
  run: (client: Client, errand: Errand) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir();
  const client = createClient(config(dir.file("errand.db")));
  await using errand = await Errand.open({ client, busyTimeout: "2s" });
  await run(client, errand);
  await errand.close();
  client.close();
}

describe.each(Object.entries(kinds))("a client %s", (_, config) => {
  it("keeps every job when calls come all at once", () =>
    withClient(config, async (client, errand) => {
      const calls = Array.from({ length: 40 }, async (_, n) => {
        const job = await errand.enqueue("task", n);
        await errand.list();
        await errand.stats();
        if (n % 4 === 0) await errand.cancel(job.id);
        return (await errand.get(job.id))?.payload;
      });
      expect(await Promise.all(calls)).toEqual(calls.map((_, n) => n));
      expect(await errand.stats()).toMatchObject({ available: 30, cancelled: 10 });
      const { rows } = await client.execute("SELECT count(*) AS n FROM errand_job");
      expect(Number(rows[0]?.n)).toBe(40);
    }));

  it("works on for its owner when Errand is closed, and for Errand no more", () =>
    withClient(config, async (client, errand) => {
      const { id } = await errand.enqueue("task");
      await errand.close();
      const refusal = { code: "DATABASE_UNAVAILABLE", message: /^Cannot use .*it is closed/ };
      const refused = {
        ...refusal,
        message: expect.stringMatching(refusal.message),
      };
      await expect(errand.enqueue("task")).rejects.toMatchObject(refused);
      await expect(errand.get(id)).rejects.toMatchObject(refused);
      const { rows } = await client.execute("SELECT id FROM errand_job");
      expect(rows.map((row) => row.id)).toEqual([id]);
    }));

  it("that its owner has closed is told as such", () =>
    withClient(config, async (client, errand) => {
      client.close();
      await expect(errand.stats()).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringMatching(/^Cannot use the database: it is closed/),
      });
    }));
});

describe("a client with one connection", () => {
  it("keeps its owner's open transaction while Errand waits for it", async () => {
    await using dir = await tempDir();
    const client = createClient({ url: `file:${dir.file("errand.db")}`, concurrency: 1 });
    await using errand = await Errand.open({ client });
    await client.execute("CREATE TABLE own (n INTEGER)");
    const transaction = await client.transaction("write");
    await transaction.execute("INSERT INTO own VALUES (1)");
    const enqueued = errand.enqueue("task");
    const read = errand.stats();
    await transaction.execute("INSERT INTO own VALUES (2)");
    await transaction.commit();
    expect((await enqueued).state).toBe("available");
    expect((await read).queues).toBeDefined();
    const { rows } = await client.execute("SELECT n FROM own");
    expect(rows.map(({ n }) => n)).toEqual([1, 2]);
    await errand.close();
    client.close();
  });
});

describe("opening a client", () => {
  it("of a file that another connection has locked leaves no statement half-run", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    using raw = openRaw(path);
    raw.exec("CREATE TABLE own (n INTEGER)"); // a file that is not in WAL mode yet
    const client = createClient({ url: `file:${path}` });
    const lock = holdLock(path);
    await expect(Errand.open({ client, busyTimeout: 50 })).rejects.toMatchObject({
      code: "DATABASE_BUSY",
    });
    lock[Symbol.dispose]();
    await client.execute("INSERT INTO own VALUES (1)");
    expect(raw.rows("SELECT n FROM own")).toEqual([[1]]);
    await using errand = await Errand.open({ client });
    const { id } = await errand.enqueue("task");
    expect(raw.rows("SELECT id FROM errand_job")).toEqual([[id]]);
    await errand.close();
    client.close();
  });

  it("of a file that is no database fails with an ErrandError", async () => {
    await using dir = await tempDir();
    const { writeFile } = await import("node:fs/promises");
    await writeFile(dir.file("notes.txt"), "no database ".repeat(400));
    const client = createClient({ url: `file:${dir.file("notes.txt")}` });
    await expect(Errand.open({ client })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(/^Cannot open .*no SQLite database/),
    });
    client.close();
  });

  it.each([{}, 5, "file:a.db", null])("%j is refused, as it is none", async (client) => {
    await expect(Errand.open({ client: client as never })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("and a url together is refused, and so is neither", async () => {
    const client = createClient({ url: ":memory:" });
    const message = expect.stringMatching(/either url or client/);
    await expect(Errand.open({ client, url: ":memory:" }))
      .rejects.toMatchObject({ code: "INVALID_INPUT", message });
    await expect(Errand.open({})).rejects.toMatchObject({ code: "INVALID_INPUT", message });
    client.close();
  });
});
