// What a server refuses or breaks, and what its user is told.
import { describe, expect, it } from "vitest";
import { createClient } from "@libsql/client/web";
import { defineTask, Errand } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { offered } from "../support/need.ts";
import { startProxy } from "../support/proxy.ts";
import { findSqld, startSqld } from "../support/sqld.ts";

const quick = { requestTimeout: 500 } as const;

function told(code: string, message: RegExp) {
  return { code, message: expect.stringMatching(message) };
}

describe.runIf(offered("faults over sqld", findSqld()))("over a server", () => {
  it("a payload over the server's own limit is told as too large, and harms no other", async () => {
    await using server = await startSqld();
    await using errand = await Errand.open({ url: server.url, payloadLimit: 20_000_000 });
    await expect(errand.enqueue("task", "x".repeat(6_000_000))).rejects
      .toMatchObject(told("PAYLOAD_TOO_LARGE", /^Cannot .*the server takes no value/));
    expect((await errand.enqueue("task", "small")).state).toBe("available");
    expect((await errand.list()).jobs).toHaveLength(1);
  });

  it("blocked writes are told as forbidden, and reads go on", async () => {
    await using server = await startSqld({ admin: true });
    const admin = (path: string, body: unknown) =>
      fetch(`${server.adminUrl}/v1/namespaces/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const url = server.url.replace("127.0.0.1", "localhost");
    await using errand = await Errand.open({ url, ...quick });
    const { id } = await errand.enqueue("task");
    const config = { block_reads: false, block_writes: true, block_reason: "unpaid" };
    expect((await admin("default/config", config)).ok).toBe(true);
    await expect(errand.enqueue("task")).rejects
      .toMatchObject(told("FORBIDDEN", /blocks it.*unpaid/));
    expect((await errand.get(id))?.state).toBe("available");
  });

  it("TLS towards a port that speaks none is told as a server that cannot be reached", async () => {
    await using server = await startSqld();
    const url = server.url.replace("http:", "https:");
    await expect(Errand.open({ url, ...quick })).rejects
      .toMatchObject(told("DATABASE_UNAVAILABLE", /cannot be reached/));
  });

  it("an address where nobody listens is told so when patience ends", async () => {
    await expect(Errand.open({ url: "http://127.0.0.1:1", ...quick })).rejects
      .toMatchObject(told("DATABASE_UNAVAILABLE", /cannot be reached/));
  });

  it("a server that is none of libSQL is told as such", async () => {
    await using proxy = await startProxy("http://127.0.0.1:1");
    proxy.mishaps.push(...Array.from({ length: 100 }, () => "no json" as const));
    await expect(Errand.open({ url: proxy.url, ...quick })).rejects
      .toMatchObject(told("DATABASE_UNAVAILABLE", /does not answer as a libSQL server does/));
  });

  it("a replica whose primary is dead keeps nobody waiting for ever", async () => {
    const primary = await startSqld({ primary: true });
    try {
      await using replica = await startSqld({ replicaOf: primary.replicationUrl });
      await using errand = await Errand.open({ url: replica.url, ...quick });
      const { id } = await errand.enqueue("task");
      expect((await errand.get(id))?.id).toBe(id);
      await primary[Symbol.asyncDispose]();
      await expect(errand.enqueue("task")).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    } finally {
      await primary[Symbol.asyncDispose]();
    }
  });

  it("a database of a newer schema is not opened", async () => {
    await using server = await startSqld();
    await (await Errand.open({ url: server.url })).close();
    const client = createClient({ url: server.url });
    await client.execute("INSERT INTO errand_migration VALUES (9999, 0)");
    client.close();
    await expect(Errand.open({ url: server.url })).rejects
      .toMatchObject(told("SCHEMA_TOO_NEW", /upgrade Errand/));
  });

  it("calls under way when the Errand is closed end, and later ones are refused", async () => {
    await using server = await startSqld();
    await using proxy = await startProxy(server.url);
    const errand = await Errand.open({ url: proxy.url });
    proxy.delayMs = 50;
    const accepted = errand.enqueue("task", 1);
    const closed = errand.close();
    expect((await accepted).state).toBe("available");
    await closed;
    await expect(errand.enqueue("task", 2)).rejects
      .toMatchObject(told("DATABASE_UNAVAILABLE", /closed/));
  });

  it("a client that its owner closes in mid-flight fails the calls, and says why", async () => {
    await using server = await startSqld();
    await using proxy = await startProxy(server.url);
    const client = createClient({ url: proxy.url });
    const errand = await Errand.open({ client, ...quick });
    proxy.delayMs = 100;
    const flight = errand.stats();
    flight.catch(() => {});
    client.close();
    const end = await flight.then(() => "answered", (error) => error.code);
    expect(["answered", "DATABASE_UNAVAILABLE"]).toContain(end);
    await expect(errand.stats()).rejects.toMatchObject(told("DATABASE_UNAVAILABLE", /closed/));
    await errand.close();
  });

  it("a worker survives an outage of ten minutes, and goes on by itself", async () => {
    await using server = await startSqld();
    await using proxy = await startProxy(server.url);
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => finish = resolve);
    const task = defineTask({
      name: "task",
      run: ({ input }): unknown => input === 1 ? finished : "done",
    });
    await using errand = await testErrand({ url: proxy.url, tasks: [task], requestTimeout: 400 });
    let errors = 0;
    errand.on("error", () => errors++);
    await using worker = errand.worker();
    await worker.start();
    const running = await errand.enqueue(task, 1);
    await expect.poll(() => errand.get(running.id)).toMatchObject({ state: "running" });
    proxy.down = true;
    finish();
    for (let minute = 0; minute < 10; minute++) {
      await errand.clock.advance("1m");
      await expect.poll(() => errors).toBeGreaterThan(minute);
    }
    proxy.down = false;
    const later = await errand.enqueue(task, 2);
    await expect.poll(async () => {
      await errand.clock.advance("1m");
      return (await errand.list({ state: "completed" })).jobs.map(({ id }) => id).sort();
    }).toEqual([running.id, later.id].sort());
  });
});
