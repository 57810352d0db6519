// When the log is copied into the file.
import { stat } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import { Checkpoints } from "../../../src/store/driver/checkpoints.ts";
import { openLocal } from "../../../src/store/driver/local.ts";
import { openRaw } from "../../support/raw.ts";
import { tempDir } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

/** How long nobody has written when the log is copied. */
const IDLE_MS = 100;
const MANY = `INSERT INTO t (text) SELECT hex(randomblob(32)) FROM json_each(?1)`;
const list = (length: number) => JSON.stringify(Array.from({ length }, () => 0));

async function openTable(path: string) {
  using raw = openRaw(path);
  raw.rows("PRAGMA journal_mode = WAL");
  raw.exec("CREATE TABLE t (text TEXT)");
  raw.rows("PRAGMA wal_checkpoint(TRUNCATE)");
  const driver = await openLocal({ path, synchronous: "normal", busyTimeoutMs: 1_000 });
  return {
    insert: (count: number) => driver.write([{ sql: MANY, args: [list(count)] }]),
    size: async () => (await stat(path)).size,
    close: () => driver.close(),
  };
}

describe("the local driver", () => {
  it("copies the log into the file once much is written and nobody writes", async () => {
    await using dir = await tempDir();
    const { insert, size, close } = await openTable(dir.file("errand.db"));
    const empty = await size();
    for (let i = 0; i < 5; i++) await insert(1_000);
    expect(await size(), "while it writes").toBe(empty);
    await until(
      async () => expect(await size()).toBeGreaterThan(empty + 5_000 * 64),
    );
    await close();
  });

  it("goes on when somebody reads the log in the meantime", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { insert, size, close } = await openTable(path);
    const empty = await size();
    using reader = openRaw(path);
    reader.exec("BEGIN");
    reader.rows("SELECT count(*) FROM t");
    await insert(3_000);
    await new Promise((resolve) => setTimeout(resolve, 300)); // a checkpoint has met the reader
    reader.exec("COMMIT");
    await insert(3_000);
    await until(
      async () => expect(await size()).toBeGreaterThan(empty + 6_000 * 64),
    );
    await close();
  });

  it("holds no timer after it was closed", async () => {
    await using dir = await tempDir();
    const { insert, close } = await openTable(dir.file("errand.db"));
    const set = vi.spyOn(globalThis, "setTimeout");
    const cleared = vi.spyOn(globalThis, "clearTimeout");
    await insert(3_000);
    const at = set.mock.calls.findIndex(([, delayMs]) => delayMs === IDLE_MS);
    const timer = set.mock.results[at]?.value;
    await close();
    expect(timer).toBeDefined();
    expect(cleared).toHaveBeenCalledWith(timer);
    set.mockRestore();
    cleared.mockRestore();
  });
});

describe("checkpoints", () => {
  const calls = (rows: number, times: number): number => {
    vi.useFakeTimers();
    try {
      let made = 0;
      const checkpoints = new Checkpoints(() => void made++);
      for (let call = 0; call < times; call++) {
        checkpoints.wrote(rows);
        vi.advanceTimersByTime(5); // far from idle
      }
      checkpoints.stop();
      return made;
    } finally {
      vi.useRealTimers();
    }
  };

  it("come in pieces between calls that are small and never end", () => {
    expect(calls(500, 39)).toBe(0);
    expect(calls(500, 40)).toBe(1);
    expect(calls(500, 80)).toBe(2);
  });

  it("do not interrupt those who write much in a call", () => {
    expect(calls(1_000, 100)).toBe(0);
  });
});
