// A server that dies in the middle of its work, and one whose disk is full.
import { rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { gate } from "../support/gate.ts";
import { canMount, mount } from "../support/mount.ts";
import { offered } from "../support/need.ts";
import { startProxy } from "../support/proxy.ts";
import { findSqld, startSqld } from "../support/sqld.ts";
import { tempDir } from "../support/temp.ts";

const here = offered("servers that die, over sqld", findSqld());
const mounts = here && offered("a full disk of sqld", await canMount());

describe.runIf(here)("a server", () => {
  it("that is killed in mid-traffic and started again has every job, each done once", async () => {
    await using dir = await tempDir();
    const dataPath = dir.file("data");
    let server = await startSqld({ dataPath });
    await using _last = { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
    await using proxy = await startProxy(server.url);
    const halfDone = gate();
    const runs = new Map<string, number>();
    const count = defineTask({
      name: "count",
      run: ({ job: { id } }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        if (runs.size === 100) halfDone.open();
      },
    });
    await using errand = await Errand.open({ url: proxy.url, tasks: [count] });
    const lost: string[] = [];
    errand.on("lost", ({ id }) => lost.push(id));
    await using worker = errand.worker({ concurrency: 10 });
    await worker.start();
    const enqueued = Array.from({ length: 20 }, async (_, at) => {
      if (at >= 10) await halfDone.opened; // while it is down
      return (await errand.enqueueMany(count, Array(20).fill(at))).map(({ id }) => id);
    });
    await halfDone.opened;
    await server[Symbol.asyncDispose]();
    const { came } = proxy.counts;
    await expect.poll(() => proxy.counts.came).toBeGreaterThan(came + 1);
    server = await startSqld({ dataPath });
    proxy.target = server.url;
    const ids = (await Promise.all(enqueued)).flat();
    await errand.wait(ids, { timeout: "15s" });
    expect(await errand.stats()).toMatchObject({ completed: 400, available: 0, running: 0 });
    expect([...runs.keys()].sort()).toEqual(ids.sort());
    expect(new Set(runs.values())).toEqual(new Set([1]));
    expect(lost).toEqual([]);
  });

  it.runIf(mounts)(
    "whose disk is full says so, loses nothing, and goes on when there is room",
    async () => {
      await using disk = await mount(24 * 1024 * 1024);
      await writeFile(disk.file("ballast"), new Uint8Array(8 * 1024 * 1024));
      await using server = await startSqld({ dataPath: disk.file("data") });
      await using errand = await Errand.open({ url: server.url, requestTimeout: "1s" });
      const payload = "x".repeat(200_000);
      const accepted: string[] = [];
      let refused: unknown;
      for (let i = 0; i < 500 && refused === undefined; i++) {
        await errand.enqueue("fill", payload).then(({ id }) => accepted.push(id), (error) => {
          refused = error;
        });
      }
      expect(refused).toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringMatching(/^Cannot use the database: the disk .*full/),
      });
      expect(accepted.length).toBeGreaterThan(5);
      expect((await errand.stats()).available).toBe(accepted.length);
      await rm(disk.file("ballast"));
      accepted.push((await errand.enqueue("again", payload)).id);
      expect((await errand.stats()).available).toBe(accepted.length);
    },
  );
});
