// Finding F2: POSIX locks belong to a process. A second SQLite library in the same process that
// closes the same file takes the first one's locks with it and deletes the log it writes to.
import process from "node:process";
import { describe, expect, it } from "vitest";
import { current } from "../../../scripts/runtimes.ts";
import { Errand } from "../../../src/errand.ts";
import { offered } from "../../support/need.ts";
import { openRaw } from "../../support/raw.ts";
import { spawnTs } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp.ts";

interface Database {
  exec(sql: string): void;
  close(): void;
}
type Connect = new (path: string) => Database;

/** The SQLite that the runtime brings along. */
const Builtin = ((): Connect | undefined => {
  const get = process.getBuiltinModule as (name: string) => Record<string, Connect> | undefined;
  return current === "bun" ? get("bun:sqlite")?.Database : get("node:sqlite")?.DatabaseSync;
})();
const has = offered(
  "a second SQLite library in the process",
  Builtin === undefined
    ? { why: "Node 20 has none built in (node:sqlite came with 22.5)" }
    : { path: "the built-in one" },
);

/** Opens the file by the other library, writes and closes: what a careless user might do. */
function intrude(path: string): void {
  const other = new Builtin!(path);
  other.exec("PRAGMA busy_timeout = 1000");
  other.exec("CREATE TABLE IF NOT EXISTS intruder (n INTEGER)");
  other.exec("INSERT INTO intruder VALUES (1)");
  other.close();
}

async function readElsewhere(path: string): Promise<{ ids: string[]; check: string[] }> {
  const env = { ERRAND_PATH: path };
  await using child = await spawnTs(current, "test/support/children/job-ids.ts", env);
  return JSON.parse(await child.nextLine());
}

describe.runIf(has)("beside a second SQLite library in the process", () => {
  it("a bare connection loses what it acknowledges", async () => {
    await using dir = await tempDir();
    const path = dir.file("bare.db");
    using raw = openRaw(path);
    raw.rows("PRAGMA journal_mode = WAL");
    raw.exec("CREATE TABLE errand_job (id INTEGER)");
    intrude(path);
    for (let i = 0; i < 20; i++) raw.exec(`INSERT INTO errand_job VALUES (${i})`);
    const { ids } = await readElsewhere(path);
    expect(ids.length, "if this is 20, F2 is mended").toBeLessThan(20);
  });

  it("every job that Errand acknowledged is there for a fresh process", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await Errand.open({ url: `file:${path}` });
    const accepted: string[] = [];
    for (let i = 0; i < 50; i++) accepted.push((await errand.enqueue("task", i)).id);
    const racing = [errand.enqueue("task"), errand.enqueue("task")];
    intrude(path);
    for (const { id } of await fulfilled(racing)) accepted.push(id);
    for (let i = 0; i < 50; i++) {
      for (const { id } of await fulfilled([errand.enqueue("task", i)])) accepted.push(id);
    }
    expect(accepted.length).toBeGreaterThanOrEqual(50);
    expect(await readElsewhere(path)).toEqual({ ids: accepted, check: ["ok"] });
    await errand.close();
    expect(await readElsewhere(path)).toEqual({ ids: accepted, check: ["ok"] });
  });

  it("Errand says what has happened and uses the file no more", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await Errand.open({ url: `file:${path}` });
    const { id } = await errand.enqueue("task");
    intrude(path);
    const refusal = {
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(/^Cannot use .*second SQLite library.*restart this one$/),
    };
    await expect(errand.enqueue("task")).rejects.toMatchObject(refusal);
    await expect(errand.get(id)).rejects.toMatchObject(refusal);
    await expect(errand.cancel(id)).rejects.toMatchObject(refusal);
    await expect(Errand.open({ url: `file:${path}` })).rejects.toMatchObject(refusal);
    expect(await readElsewhere(path)).toEqual({ ids: [id], check: ["ok"] });
  });

  it("a library that only looks while Errand works, and stays open, does no harm", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using errand = await Errand.open({ url: `file:${path}` });
    await errand.enqueue("task");
    const other = new Builtin!(path);
    other.exec("SELECT * FROM errand_job");
    for (let i = 0; i < 10; i++) await errand.enqueue("task", i);
    expect((await readElsewhere(path)).ids).toHaveLength(11);
    await errand.close();
    other.close();
    expect((await readElsewhere(path)).ids).toHaveLength(11);
  });
});

async function fulfilled<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  return (await Promise.allSettled(promises))
    .flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
}
