import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { Errand } from "../../src/errand.ts";
import { checkedSettings } from "../../src/options.ts";
import { openLocal } from "../../src/store/driver/local.ts";
import { canMount, mount } from "../support/mount.ts";
import { offered } from "../support/need.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

/** The error of opening `url`, which must be one for people. */
async function refusal(url: string): Promise<{ code: string; message: string; cause?: unknown }> {
  const error = await Errand.open({ url }).then(
    async (errand) => {
      await errand.close();
      throw new Error(`${url} was opened`);
    },
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: "ErrandError", message: expect.stringMatching(/^Cannot /) });
  return error as Awaited<ReturnType<typeof refusal>>;
}

const mounts = offered("read-only and full disks", await canMount());

describe("opening", () => {
  it("a file that is no database says so, and leaves the file as it is", async () => {
    await using dir = await tempDir();
    const path = dir.file("notes.txt");
    const text = "These are notes and no database.\n".repeat(100);
    await writeFile(path, text);
    const { code, message, cause } = await refusal(`file:${path}`);
    expect(code).toBe("DATABASE_UNAVAILABLE");
    expect(message).toContain(`Cannot open ${path}: the file is no SQLite database`);
    expect(cause).toBeDefined();
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("a file in a folder that does not exist says what is missing", async () => {
    await using dir = await tempDir();
    const path = dir.file("missing/errand.db");
    const { code, message } = await refusal(`file:${path}`);
    expect(code).toBe("DATABASE_UNAVAILABLE");
    expect(message).toMatch(
      /^Cannot open .*missing\/errand\.db: its folder does not exist.*create/,
    );
  });

  it("a folder says that it is no file", async () => {
    await using dir = await tempDir();
    await mkdir(dir.file("folder"));
    const { code, message } = await refusal(`file:${dir.file("folder")}`);
    expect(code).toBe("DATABASE_UNAVAILABLE");
    expect(message).toMatch(/or it is itself a folder; .*name a file/);
  });

  it.runIf(mounts)("a file in a folder that cannot be written says so", async () => {
    await using disk = await mount(4 * 1024 * 1024);
    const { code, message } = await refusal(`file:${disk.view}/errand.db`);
    expect(code).toBe("DATABASE_UNAVAILABLE");
    expect(message).toMatch(/may not be written/);
  });

  it.runIf(mounts)("a queue that cannot be written any more says so", async () => {
    await using disk = await mount(4 * 1024 * 1024);
    await using errand = await Errand.open({ url: `file:${disk.file("errand.db")}` });
    await errand.enqueue("task");
    await using reader = await Errand.open({ url: `file:${disk.view}/errand.db` });
    await expect(reader.enqueue("task")).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(/^Cannot use the database: it may only be read; mend/),
    });
  });

  it.each([
    "errand.db",
    "",
    "file:",
    "file://host/errand.db",
    "file:errand.db?mode=ro",
    "file::memory:?cache=shared",
    "file:a%00b.db",
    "file:a%zz.db",
    "sqlite:errand.db",
    "ftp://example.com/errand.db",
    "postgres://example.com",
    ":MEMORY:",
  ])("%j is refused with the forms that a URL may have", async (url) => {
    const { code, message } = await refusal(url);
    expect(code).toBe("INVALID_INPUT");
    expect(message).toMatch(/pass \{ url \} as|a file URL is|starts two hexadecimal digits/);
  });

  it.each([undefined, null, 5, {}])("%j is no URL", async (url) => {
    await expect(Errand.open({ url: url as never })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("every form of a file URL means the same file", async () => {
    await using dir = await tempDir();
    const path = dir.file("a queue & 100% ü.db");
    const encoded = pathToFileURL(path).href;
    const forms = [encoded, encoded.replace("file://", "file://localhost")];
    forms.push(encoded.replace("file://", "file:"), `file:${path.replace("%", "%25")}`);
    for (const url of forms) {
      await using errand = await Errand.open({ url });
      await errand.enqueue("task");
    }
    using raw = openRaw(path);
    expect(raw.rows("SELECT count(*) FROM errand_job")).toEqual([[forms.length]]);
  });

  it("two queues in memory have nothing in common", async () => {
    await using first = await Errand.open({ url: ":memory:" });
    await using second = await Errand.open({ url: ":memory:" });
    await first.enqueue("task");
    expect((await second.list()).jobs).toEqual([]);
  });

  it("two Errands on one file see each other's jobs", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using first = await Errand.open({ url });
    await using second = await Errand.open({ url });
    const { id } = await first.enqueue("task", { n: 1 });
    expect(await second.get(id)).toMatchObject({ payload: { n: 1 }, state: "available" });
    await second.cancel(id);
    expect((await first.get(id))?.state).toBe("cancelled");
  });

  it("makes a file one in WAL mode", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await using _errand = await Errand.open({ url: `file:${path}` });
    using raw = openRaw(path);
    expect(raw.rows("PRAGMA journal_mode")).toEqual([["wal"]]);
  });

  it.each([["full", 2n], ["normal", 1n]] as const)(
    "writes with the level of safety that it is told: %s",
    async (synchronous, level) => {
      await using dir = await tempDir();
      const path = dir.file("errand.db");
      const driver = await openLocal({ path, synchronous, busyTimeoutMs: 1_000 });
      const [told] = await driver.read([{ sql: "PRAGMA synchronous", args: [] }]);
      await driver.close();
      expect(told!.rows.map(([value]) => BigInt(value as number))).toEqual([level]);
    },
  );

  it("is by default as safe as it can be", () => {
    expect(checkedSettings({ url: "file:errand.db" }).store.synchronous).toBe("full");
  });
});

describe.runIf(mounts)("a full disk", () => {
  it("loses no job, says what is wrong, and works again when there is room", async () => {
    await using disk = await mount(16 * 1024 * 1024);
    const path = disk.file("errand.db");
    await writeFile(disk.file("ballast"), new Uint8Array(4 * 1024 * 1024));
    await using errand = await Errand.open({ url: `file:${path}` });
    const payload = "x".repeat(100_000);
    const accepted = new Set<string>();
    let refused: unknown;
    for (let i = 0; i < 1_000 && refused === undefined; i++) {
      await errand.enqueue("fill", payload).then(({ id }) => accepted.add(id), (error) => {
        refused = error;
      });
    }
    expect(refused).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(/^Cannot use the database: the disk is full; nothing of this/),
      cause: expect.anything(),
    });
    expect(accepted.size).toBeGreaterThan(20);
    expect((await errand.stats()).available).toBe(accepted.size);

    await rm(disk.file("ballast"));
    for (let i = 0; i < 5; i++) accepted.add((await errand.enqueue("again", payload)).id);
    await errand.close();
    using raw = openRaw(path);
    expect(raw.rows("PRAGMA integrity_check")).toEqual([["ok"]]);
    expect(new Set(raw.rows("SELECT id FROM errand_job").flat())).toEqual(accepted);
  });
});
