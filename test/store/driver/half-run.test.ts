// Finding F1: a prepared statement that met a busy database stays half-run, and from then on its
// connection acknowledges writes that it never commits.
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { Errand } from "../../../src/errand.ts";
import { startPulse } from "../../support/pulse.ts";
import { holdLock, openRaw } from "../../support/raw.ts";
import { tempDir } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

describe("after one busy answer", () => {
  it("a bare client acknowledges a write that no other connection ever sees", async () => {
    await using dir = await tempDir();
    const path = dir.file("bare.db");
    using other = openRaw(path);
    other.rows("PRAGMA journal_mode = WAL");
    other.exec("CREATE TABLE t (n INTEGER)");
    const client = createClient({ url: `file:${path}` });
    const lock = holdLock(path);
    await expect(client.execute("INSERT INTO t VALUES (1)")).rejects.toThrow(/SQLITE_BUSY/);
    lock[Symbol.dispose]();
    const { rowsAffected } = await client.execute("INSERT INTO t VALUES (2)");
    expect(rowsAffected, "the client says that it has written").toBe(1);
    expect(other.rows("SELECT n FROM t"), "if this holds a row, F1 is mended").toEqual([]);
    client.close();
  });

  it.each(["its own file", "a user's client"])(
    "Errand on %s commits what it acknowledges", //
    async (kind) => {
      await using dir = await tempDir();
      const path = dir.file("errand.db");
      const url = `file:${path}`;
      const client = kind === "its own file" ? undefined : createClient({ url });
      await using errand = await Errand.open({
        ...(client === undefined ? { url } : { client }),
        busyTimeout: 100,
      });
      using other = openRaw(path);
      const accepted: string[] = [];
      for (let round = 0; round < 3; round++) {
        const lock = holdLock(path);
        await expect(errand.enqueue("refused")).rejects.toMatchObject({ code: "DATABASE_BUSY" });
        await expect(errand.stats()).resolves.toBeDefined();
        lock[Symbol.dispose]();
        for (let i = 0; i < 3; i++) accepted.push((await errand.enqueue("accepted", i)).id);
        const ids = other.rows("SELECT id FROM errand_job ORDER BY id").flat();
        expect(ids).toEqual(accepted);
      }
      await errand.close();
      client?.close();
    },
  );

  it.each(["its own file", "a user's client"])(
    "Errand on %s leaves the lock to others", //
    async (kind) => {
      await using dir = await tempDir();
      const path = dir.file("errand.db");
      const url = `file:${path}`;
      const client = kind === "its own file" ? undefined : createClient({ url });
      await using errand = await Errand.open(client === undefined ? { url } : { client });
      const lock = holdLock(path);
      using pulse = startPulse();
      const enqueued = errand.enqueue("late");
      await until(() => expect(pulse.beats).toBeGreaterThan(20));
      lock[Symbol.dispose]();
      const { id } = await enqueued;
      const next = holdLock(path); // would be refused if Errand's connection still held it
      next[Symbol.dispose]();
      using other = openRaw(path);
      expect(other.rows("SELECT id FROM errand_job")).toEqual([[id]]);
      await errand.close();
      client?.close();
    },
  );
});
