// What the system tells of a database's files.
import { describe, expect, it } from "vitest";
import { watchLog } from "../../../src/store/driver/files.ts";
import { openRaw } from "../../support/raw.ts";
import { tempDir } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

describe("the log of a database", () => {
  it.runIf(process.platform === "linux")("is heard when somebody writes to it", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    using raw = openRaw(path);
    raw.rows("PRAGMA journal_mode = WAL");
    raw.exec("CREATE TABLE t (n INTEGER)");
    let heard = 0;
    const end = watchLog(path, () => heard++);
    expect(end).toBeDefined();
    await until(() => {
      raw.exec("INSERT INTO t VALUES (1)"); // again: a runtime may begin to listen a little late
      expect(heard).toBeGreaterThan(0);
    });
    end!();
  });

  it("that is not there is nothing to listen to, which is known at once or heard", async () => {
    let heard = 0;
    const end = watchLog("/nowhere/errand.db", () => heard++);
    if (end !== undefined) await until(() => expect(heard).toBeGreaterThan(0));
    end?.();
  });
});
