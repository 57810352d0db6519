// Another connection holds the write lock of the file.
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { current } from "../../../scripts/runtimes.ts";
import { clientDriver } from "../../../src/store/driver/client.ts";
import type { Driver } from "../../../src/store/driver/driver.ts";
import { openLocal } from "../../../src/store/driver/local.ts";
import { startPulse } from "../../support/pulse.ts";
import { holdLock, openRaw } from "../../support/raw.ts";
import { spawnTs } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

/** How long a call shall wait here, where it is not about the end of patience. */
const PATIENCE_MS = 15_000;
/** So many beats of 5 ms are a wait that would be seen if it blocked. */
const BEATS = 80;
/** Far above what SQLite itself is let to wait and a machine stands still, far below patience. */
const GAP_MOST_MS = 5_000;

const drivers: Readonly<Record<string, (path: string, patienceMs: number) => Promise<Driver>>> = {
  "the local driver": (path, busyTimeoutMs) =>
    openLocal({ path, synchronous: "normal", busyTimeoutMs }),
  "the driver of a user's client": (path, busyTimeoutMs) => {
    const client = createClient({ url: `file:${path}` });
    return clientDriver({ client, busyTimeoutMs, owned: true });
  },
};

const write = (driver: Driver, n: number) =>
  driver.write([
    { sql: "INSERT INTO t (n) VALUES (?1)", args: [BigInt(n)] },
    { sql: "INSERT INTO t (n) VALUES (?1)", args: [BigInt(-n)] },
  ]);

async function numbers(driver: Driver): Promise<unknown[]> {
  const [result] = await driver.read([{ sql: "SELECT n FROM t ORDER BY n", args: [] }]);
  return result!.rows.map(([n]) => n);
}

function createTable(path: string): void {
  using raw = openRaw(path);
  raw.rows("PRAGMA journal_mode = WAL");
  raw.exec("CREATE TABLE t (n INTEGER)");
}

describe.each(Object.entries(drivers))("%s", (_, open) => {
  it("waits for the lock without holding up the event loop, and writes then", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    createTable(path);
    const driver = await open(path, PATIENCE_MS);
    using lock = holdLock(path);
    using pulse = startPulse();
    let settled = false;
    const writing = write(driver, 1).finally(() => settled = true);
    await until(() => expect(pulse.beats).toBeGreaterThan(BEATS));
    expect(settled).toBe(false);
    expect(pulse.longestGapMs).toBeLessThan(GAP_MOST_MS);
    lock[Symbol.dispose]();
    await writing;
    using other = openRaw(path);
    expect(other.rows("SELECT n FROM t ORDER BY n")).toEqual([[-1], [1]]);
    await driver.close();
  });

  it("gives up with DATABASE_BUSY when its patience ends, and has written nothing", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    createTable(path);
    const driver = await open(path, 100);
    using lock = holdLock(path);
    await expect(write(driver, 1)).rejects.toMatchObject({
      code: "DATABASE_BUSY",
      message: expect.stringMatching(/^Cannot write .*100 ms.*nothing was written.*busyTimeout/),
      cause: expect.anything(),
    });
    lock[Symbol.dispose]();
    expect(await numbers(driver)).toEqual([]);
    await write(driver, 2);
    expect(await numbers(driver)).toEqual([-2, 2]);
    await driver.close();
  });

  it("reads what is committed while another connection writes", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    createTable(path);
    const driver = await open(path, 100);
    await write(driver, 1);
    using _lock = holdLock(path);
    expect(await numbers(driver)).toEqual([-1, 1]);
    await driver.close();
  });

  it("keeps its calls in order while it waits", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    createTable(path);
    const driver = await open(path, PATIENCE_MS);
    using lock = holdLock(path);
    const writing = [1, 2, 3].map((n) => write(driver, n));
    lock[Symbol.dispose]();
    await Promise.all(writing);
    expect(await numbers(driver)).toEqual([-3, -2, -1, 1, 2, 3]);
    await driver.close();
  });

  it("waits for a lock that another process holds", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    createTable(path);
    const driver = await open(path, PATIENCE_MS);
    await using child = await spawnTs(current, "test/support/children/hold-lock.ts", {
      LOCKED_FILE: path,
    });
    expect(await child.nextLine()).toBe("locked");
    using pulse = startPulse();
    const writing = write(driver, 1);
    await until(() => expect(pulse.beats).toBeGreaterThan(20));
    await child.kill();
    await writing;
    expect(pulse.longestGapMs).toBeLessThan(GAP_MOST_MS);
    expect(await numbers(driver)).toEqual([-1, 1]);
    await driver.close();
  });
});
