// The same over a libSQL server, where one is at hand.
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { FakeClock, testErrand } from "../../src/testing/mod.ts";
import { offered } from "../support/need.ts";
import { findSqld, startSqld } from "../support/sqld.ts";

const NOTE = "INSERT INTO note (job) VALUES (?)";

describe.runIf(offered("transactions over sqld", findSqld()))("A14: over a server,", () => {
  it("a completion writes with its job's end, or not at all", async () => {
    await using server = await startSqld();
    const { url } = server;
    const client = createClient({ url });
    await client.execute("CREATE TABLE note (job TEXT NOT NULL)");
    const notes = async () =>
      (await client.execute("SELECT job FROM note")).rows.map(({ job }) => job);
    const events: string[] = [];
    const good = defineTask({
      name: "good",
      run: async ({ job, complete }) => {
        const next = await errand.statements.enqueue(follow, job.id);
        const statements = [{ sql: NOTE, args: [job.id] }, ...next.statements];
        return complete({ result: next.id, statements });
      },
    });
    const follow = defineTask<string>({ name: "next", run: ({ input }) => `after ${input}` });
    const bad = defineTask({
      name: "bad",
      retry: { maxAttempts: 1 },
      run: ({ complete }) =>
        complete({ statements: [{ sql: NOTE, args: ["bad"] }, { sql: NOTE, args: [null] }] }),
    });
    const slow = defineTask({
      name: "slow",
      run: async ({ job, complete }) => {
        if (job.attempt === 1) await rescuer.worker({ queues: ["slow"] }).drain();
        return complete({ statements: [{ sql: NOTE, args: [`slow ${job.attempt}`] }] });
      },
      queue: "slow",
    });
    await using errand = await testErrand({ url, tasks: [good, bad, slow, follow] });
    const clock = new FakeClock(errand.clock.now() + 60_000);
    await using rescuer = await testErrand({ url, tasks: [slow], clock });
    errand.on("lost", () => events.push("lost"));

    const goodJob = await errand.enqueue(good);
    const badJob = await errand.enqueue(bad);
    await errand.worker({ queues: ["default"] }).drain();
    expect(await notes()).toEqual([goodJob.id]);
    expect(await errand.get(badJob.id)).toMatchObject({
      state: "failed",
      error: { code: "HANDLER", message: expect.stringContaining("NOT NULL constraint failed") },
    });
    const followUp = (await errand.get(goodJob.id))!.result as string;
    expect((await errand.get(followUp))!.result).toBe(`after ${goodJob.id}`);

    const slowJob = await errand.enqueue(slow);
    await errand.worker({ queues: ["slow"] }).drain();
    expect((await errand.get(slowJob.id))!.state).toBe("completed");
    expect(await notes()).toEqual([goodJob.id, "slow 2"]);
    expect(events).toEqual(["lost"]);
    client.close();
  });

  it("a job joins a transaction or a batch", async () => {
    await using server = await startSqld();
    await using elsewhere = await startSqld();
    const { url } = server;
    const client = createClient({ url });
    const stranger = createClient({ url: elsewhere.url });
    await using errand = await testErrand({ url });

    const dropped = await client.transaction("write");
    const [none] = await errand.enqueueMany([{ task: "ship", payload: 1 }], { tx: dropped });
    await dropped.rollback();
    const tx = await client.transaction("write");
    const job = await errand.enqueue("ship", 2, { tx });
    await tx.commit();
    const { id, statements } = await errand.statements.enqueue("ship", 3);
    await client.batch(statements, "write");
    expect(await errand.get(none!.id)).toBeUndefined();
    expect(await errand.get(job.id)).toMatchObject({ state: "available", payload: 2 });
    expect(await errand.get(id)).toMatchObject({ state: "available", payload: 3 });

    const other = await stranger.transaction("write");
    await expect(errand.enqueue("ship", 4, { tx: other })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("another database"),
    });
    other.close();
    await expect(errand.enqueue("ship", 4, { tx: other })).rejects.toThrow("it has ended");
    client.close();
    stranger.close();
  });
});
