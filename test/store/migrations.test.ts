import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { runtimes } from "../../scripts/runtimes.ts";
import { Errand } from "../../src/errand.ts";
import type { Statement } from "../../src/store/driver/driver.ts";
import { migrate, SCHEMA_VERSION } from "../../src/store/migrate.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { needRuntimes } from "../support/need.ts";
import { openRaw } from "../support/raw.ts";
import { spawnTs } from "../support/spawn.ts";
import { openBench, openDriver, places, recording } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

/** The hash of each version's schema. From the first release on, hashes are only added. */
const SCHEMAS: readonly string[] = [
  "8d244bd937f586c7",
  "caec212826ce3882",
  "6f84a7e0ba9f6840",
  "0f40e4ed673ddd9d",
  "36928eca45ec3231",
  "c73ba7b712db2b14",
  "8d6268c4668399ad",
  "2d998425fc2af36e",
  "efd63974a311166d",
];

describe.each(places)("in a database at %s", (place) => {
  it("migrating again changes nothing, writes nothing and keeps every job", async () => {
    await using dir = await tempDir();
    const statements: Statement[] = [];
    const driver = recording(await openDriver(place, dir.file("errand.db")), statements);
    await migrate(driver);
    const schema = async () =>
      (await driver.read([{ sql: "SELECT sql FROM sqlite_master", args: [] }]))[0]!.rows;
    const before = await schema();
    statements.length = 0;
    await migrate(driver);
    expect(statements.map(({ sql }) => sql.trim().split(" ")[0])).toEqual(["SELECT", "SELECT"]);
    expect(await schema()).toEqual(before);
    await driver.close();
  });

  it("two migrations at once leave one schema", async () => {
    await using dir = await tempDir();
    const driver = await openDriver(place, dir.file("errand.db"));
    await Promise.all([migrate(driver), migrate(driver), migrate(driver)]);
    const [result] = await driver.read([
      { sql: "SELECT version FROM errand_migration ORDER BY version", args: [] },
    ]);
    const versions = Array.from({ length: SCHEMA_VERSION }, (_, i) => [i + 1]);
    expect(result!.rows).toEqual(versions);
    await driver.close();
  });

  it("a schema of a newer version is refused, and left as it is", async () => {
    await using bench = await openBench(place);
    await bench.write("INSERT INTO errand_migration VALUES (?1, 0)", BigInt(SCHEMA_VERSION + 7));
    const driver = {
      read: async (all: readonly Statement[]) =>
        await Promise.all(all.map(async ({ sql, args }) => ({
          rows: await bench.rows(sql, ...args),
          changes: 0,
        }))),
      sameClock: true,
      write: () => Promise.reject(new Error("nothing may be written")),
      close: () => Promise.resolve(),
    };
    await expect(migrate(driver)).rejects.toMatchObject({
      code: "SCHEMA_TOO_NEW",
      message: expect.stringMatching(
        `^Cannot open the database: its schema has version ${SCHEMA_VERSION + 7}.*upgrade Errand`,
      ),
    });
  });
});

describe("a file", () => {
  it("of a newer schema cannot be opened and is not changed", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await (await Errand.open({ url: `file:${path}` })).close();
    using raw = openRaw(path);
    raw.exec("INSERT INTO errand_migration VALUES (99, 0)");
    const before = raw.rows("SELECT * FROM sqlite_master");
    await expect(Errand.open({ url: `file:${path}` }))
      .rejects.toMatchObject({ code: "SCHEMA_TOO_NEW" });
    expect(raw.rows("SELECT * FROM sqlite_master")).toEqual(before);
  });

  it("that a user has filled with other tables becomes a queue beside them", async () => {
    await using dir = await tempDir();
    const path = dir.file("shop.db");
    using raw = openRaw(path);
    raw.exec("CREATE TABLE job (id INTEGER); INSERT INTO job VALUES (1)");
    await using errand = await Errand.open({ url: `file:${path}` });
    await errand.enqueue("task");
    expect(raw.rows("SELECT id FROM job")).toEqual([[1]]);
  });

  const has = needRuntimes(...runtimes);
  it.runIf(has)("that is new can be opened by processes of all runtimes at once", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const env = { ERRAND_PATH: path, ERRAND_START: String(Date.now() + 2_500) };
    const file = "test/support/children/open-and-enqueue.ts";
    await using first = await spawnTs("node", file, env);
    await using second = await spawnTs("deno", file, env);
    await using third = await spawnTs("bun", file, env);
    await using fourth = await spawnTs("node", file, env);
    const children = [first, second, third, fourth];
    const lines = await Promise.all(children.map(async (child) => {
      expect(await child.nextLine()).toBe("ready");
      return await child.nextLine();
    }));
    using raw = openRaw(path);
    expect(raw.rows("SELECT id FROM errand_job ORDER BY id").flat()).toEqual(lines.sort());
    expect(raw.rows("SELECT count(*) FROM errand_migration")).toEqual([[SCHEMA_VERSION]]);
  });

  it("has the schema that its version has always had", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await (await Errand.open({ url: `file:${path}` })).close();
    using raw = openRaw(path);
    const sql = raw.rows("SELECT sql FROM sqlite_master WHERE name LIKE 'errand_%' ORDER BY name");
    const hash = createHash("sha256").update(JSON.stringify(sql)).digest("hex").slice(0, 16);
    expect(MIGRATIONS, "SCHEMA_VERSION counts them").toHaveLength(SCHEMA_VERSION);
    expect(SCHEMAS, "a new migration needs a new hash").toHaveLength(SCHEMA_VERSION);
    expect(hash, "a released migration is never edited: append one").toBe(SCHEMAS.at(-1));
  });
});
