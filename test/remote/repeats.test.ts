// Each verb over a way on which every third request or its answer is lost: what it does is done
// once, and it answers as if nothing had happened.
import { createClient } from "@libsql/client/web";
import { describe, it } from "vitest";
import { defineTask, Errand, type Job } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { FakeClock, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { offered } from "../support/need.ts";
import { type Mishap, type Proxy, startProxy } from "../support/proxy.ts";
import { findSqld, startSqld } from "../support/sqld.ts";

/** What happens, to which request of three, and whose client it is: a user's has a fetch of its own. */
interface Way {
  readonly mishap: Mishap;
  readonly from: number;
  readonly by: "url" | "client";
}

const ways: readonly Way[] = ([
  ...[["lost", 0, "url"], ["lost", 1, "url"], ["lost", 0, "client"]],
  ...[["answer lost", 0, "url"], ["answer lost", 1, "url"], ["answer lost", 2, "url"]],
  ...[["answer lost", 0, "client"], ["answer lost", 1, "client"]],
  ...[["answer cut", 1, "url"], ["answer kept", 0, "url"], ["answer kept", 1, "url"]],
] as const).map(([mishap, from, by]) => ({ mishap, from, by }));

const work = defineTask({ name: "work", run: ({ input }) => ({ got: input }) });
const QUEUE = "default";

interface Around extends AsyncDisposable {
  readonly errand: Errand;
  /** How long it waits for an answer. */
  readonly requestTimeout: number;
  /** The server itself, not by the lossy way. */
  readonly url: string;
  readonly proxy: Proxy;
  /** From now on requests have mishaps. */
  fails(): void;
  /** All goes well again; the states and attempts of the jobs of a queue. */
  states(queue?: string): Promise<unknown[]>;
}

async function around({ mishap, from, by }: Way): Promise<Around> {
  const server = await startSqld();
  const proxy = await startProxy(server.url);
  const client = by === "client" ? createClient({ url: proxy.url }) : undefined;
  const requestTimeout = mishap === "answer kept" ? 500 : 5_000;
  const errand = await Errand.open({
    ...(client === undefined ? { url: proxy.url } : { client }),
    tasks: [work],
    requestTimeout,
  });
  const three: Mishap[] = ["none", "none", "none"];
  three[from] = mishap;
  return {
    ...{ errand, proxy, requestTimeout, url: server.url },
    fails() {
      proxy.mishaps.length = 0;
      proxy.mishaps.push(...Array.from({ length: 200 }, () => three).flat());
    },
    async states(queue = QUEUE) {
      proxy.mishaps.length = 0;
      const { jobs } = await errand.list({ queue });
      return jobs.map(({ state, attempt }) => [state, attempt]);
    },
    async [Symbol.asyncDispose]() {
      proxy.mishaps.length = 0;
      await errand.close({ grace: 0 });
      client?.close();
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function fakeErrand({ proxy, requestTimeout }: Around, clock: FakeClock): Promise<TestErrand> {
  return testErrand({ url: proxy.url, tasks: [work], clock, requestTimeout });
}

/** Deno sends the request of a user's client again by itself, and nobody can know of that. */
function doneAlready({ message }: Error): { readonly state: string } {
  return { state: /it is available|no such job/.test(message) ? "available" : message };
}

const here = offered("repeats over sqld", findSqld());

describe.runIf(here).concurrent.each(ways)("$mishap at request $from of three, by $by", (way) => {
  it("a job is enqueued, changed, cloned and removed", async ({ expect }) => {
    await using place = await around(way);
    const { errand } = place;
    place.fails();
    const { id, state } = await errand.enqueue(work, 1);
    expect(state).toBe("available");
    expect((await errand.cancel(id)).state).toBe("cancelled");
    const known = way.by === "url" || current !== "deno";
    const answered = (call: Promise<Job>) => known ? call : call.catch(doneAlready);
    expect(await answered(errand.retry(id))).toMatchObject({ state: "available" });
    expect((await errand.clone(id, { delay: "1h" })).state).toBe("scheduled");
    expect(await answered(errand.remove(id))).toMatchObject({ state: "available" });
    expect(await place.states()).toEqual([["scheduled", 0]]);
  });

  it("a job completes, and writes once what goes with that", async ({ expect }) => {
    await using place = await around(way);
    const { errand } = place;
    const client = createClient({ url: place.url });
    await client.execute("CREATE TABLE note (job TEXT NOT NULL)");
    errand.register(defineTask({
      name: "notes",
      run: async ({ complete, job, log }) => {
        log("one line");
        const next = await errand.statements.enqueue(work, job.id, { queue: "next" });
        const note = { sql: "INSERT INTO note (job) VALUES (?)", args: [job.id] };
        return complete({ result: 7, statements: [note, ...next.statements] });
      },
    }));
    const { id } = await errand.enqueue("notes");
    place.fails();
    expect(await errand.worker({ queues: [QUEUE] }).drain()).toMatchObject({
      ...{ completed: 1, retried: 0, failed: 0, lost: 0 },
    });
    expect(await place.states()).toEqual([["completed", 1]]);
    expect(await place.states("next")).toEqual([["available", 0]]);
    expect(await errand.logs(id)).toHaveLength(1);
    const { rows } = await client.execute("SELECT job FROM note");
    expect(rows.map(({ job }) => job)).toEqual([id]);
    client.close();
  });

  it("a heartbeat saves what a running handler says", async ({ expect }) => {
    await using place = await around(way);
    const { errand } = place;
    const pages = defineTask<{ page: number }>({
      name: "pages",
      run: async ({ update, log }) => {
        place.fails();
        log("one line");
        await update({ page: 2 });
        await update({ page: 3 });
      },
    });
    errand.register(pages);
    const { id } = await errand.enqueue(pages, { page: 1 });
    await errand.worker().drain();
    expect(await place.states()).toEqual([["completed", 1]]);
    expect((await errand.get(id))?.payload).toEqual({ page: 3 });
    expect(await errand.logs(id)).toHaveLength(1);
  });

  it("a dead worker's job uses up one attempt", async ({ expect }) => {
    await using place = await around(way);
    await place.errand.enqueue(work, 1);
    const begun = gate();
    const hangs = defineTask({
      name: "work",
      run: ({ signal }) => {
        begun.open();
        return new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    await using dead = await Errand.open({ url: place.url, tasks: [hangs] });
    const drained = dead.worker({ grace: 0 }).drain({ maxJobs: 1 });
    await begun.opened;
    const clock = new FakeClock(Date.now() + 120_000);
    await using rescuer = await fakeErrand(place, clock);
    const rescued: string[] = [];
    rescuer.on("rescued", ({ id }) => rescued.push(id));
    place.fails();
    await rescuer.worker().drain();
    await clock.advance("1m"); // the wait before its next attempt
    await rescuer.worker().drain();
    expect(await place.states()).toEqual([["completed", 2]]);
    expect(rescued.length).toBeLessThanOrEqual(1); // nobody tells of it when the answer was lost
    await dead.close({ grace: 0 });
    await drained;
  });

  it("a schedule is changed, and each occurrence enqueued once", async ({ expect }) => {
    await using place = await around(way);
    const clock = new FakeClock(Date.now());
    await using errand = await fakeErrand(place, clock);
    const { schedules } = errand;
    place.fails();
    const often = { every: "1h", catchUp: "all", maxRuns: 3 } as const;
    await schedules.upsert("hourly", { task: work, ...often });
    expect((await schedules.pause("hourly")).state).toBe("paused");
    expect((await schedules.resume("hourly")).state).toBe("active");
    expect((await schedules.runNow("hourly")).state).toBe("available");
    await clock.advance("5h");
    await errand.worker().drain();
    expect((await schedules.remove("hourly")).name).toBe("hourly");
    expect(await place.states()).toEqual(Array(4).fill(["completed", 1]));
  });

  it("a run knows its own mark, and gives it back", async ({ expect }) => {
    await using place = await around(way);
    const { errand } = place;
    await errand.enqueueMany(work, [1, 2]);
    place.fails();
    expect(await errand.run()).toMatchObject({ ran: true, completed: 2 });
    expect(await errand.run()).toMatchObject({ ran: true, completed: 0 });
    expect(await place.states()).toEqual([["completed", 1], ["completed", 1]]);
  });

  it("many jobs are changed, and a queue is emptied", async ({ expect }) => {
    await using place = await around(way);
    const { errand } = place;
    await errand.enqueueMany(work, [1, 2, 3]);
    place.fails();
    await errand.queues.pause(QUEUE);
    await errand.cancelMany({ queue: QUEUE });
    await errand.retryMany({ queue: QUEUE, state: "cancelled" });
    expect(await place.states()).toEqual(Array(3).fill(["available", 0]));
    expect((await errand.stats()).queues[QUEUE]).toMatchObject({ available: 3, paused: true });
    place.fails();
    await errand.queues.remove(QUEUE);
    expect(await place.states()).toEqual([]);
    expect((await errand.stats()).queues).toEqual({});
  });
});
