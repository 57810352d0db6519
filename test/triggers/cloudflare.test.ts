// The Cloudflare trigger in Cloudflare's own runtime, over a real libSQL server.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Errand, type Job } from "../../mod.ts";
import { cloudflare } from "../../src/triggers/cloudflare.ts";
import { thumbnail } from "../examples/tasks.ts";
import { type CronWorker, startCronWorker } from "../support/cron-worker.ts";
import { gate } from "../support/gate.ts";
import { need, offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { tempDir } from "../support/temp.ts";
import { findWorkerd } from "../support/workerd.ts";

const here = [
  need("Cloudflare's runtime", findWorkerd()),
  offered("tests over sqld", findSqld()),
].every(Boolean);

describe.runIf(here)("in workerd, the example", () => {
  let server: Sqld;
  let worker: CronWorker;

  beforeAll(async () => {
    server = await startSqld();
    worker = await startCronWorker("test/examples/cloudflare.ts", { LIBSQL_URL: server.url });
  });

  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const add = async (path: string): Promise<Job> => {
    const body = JSON.stringify({ path: "a.png", width: 200 });
    const answer = await fetch(worker.url + path, { method: "POST", body });
    expect(answer.status).toBe(202);
    return await answer.json() as Job;
  };

  it("enqueues by a request, and works when its cron is triggered", async () => {
    const { id } = await add("/jobs");
    const look = async () => await (await fetch(`${worker.url}/jobs/${id}`)).json() as Job;
    expect(await look()).toMatchObject({ state: "available" });
    expect(await worker.cron()).toBe("ok");
    expect(await look()).toMatchObject({ state: "completed", result: { made: "200-a.png" } });
  });

  it("serves requests that come together, each with a connection of its own", async () => {
    const jobs = await Promise.all(Array.from({ length: 30 }, () => add("/jobs")));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(30);
    expect(await Promise.all([worker.cron(), worker.cron()])).toEqual(["ok", "ok"]);
    await using errand = await Errand.open({ url: server.url });
    const ended = await Promise.all(jobs.map(({ id }) => errand.get(id)));
    expect(ended.map((job) => [job?.state, job?.attempt]))
      .toEqual(jobs.map(() => ["completed", 1]));
  });

  it("works after its response, where it is kept alive for that", async () => {
    const { id } = await add("/jobs?now");
    await using errand = await Errand.open({ url: server.url });
    expect(await errand.wait(id, { timeout: "10s" })).toMatchObject({ state: "completed" });
  });

  it("whose database cannot be used fails its cron trigger, so that it is seen", async () => {
    const env = { LIBSQL_URL: "nowhere:" };
    await using lost = await startCronWorker("test/examples/cloudflare.ts", env);
    expect(await lost.cron()).toBe("exception");
  });
});

describe("the Worker", () => {
  const events = (kept: Promise<unknown>[]) => ({
    waitUntil: (work: Promise<unknown>) => void kept.push(work),
  });

  it("closes its Errand after all that a request keeps alive, also when it fails", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const [goOn, kept] = [gate(), [] as Promise<unknown>[]];
    const used: string[] = [];
    const { fetch } = cloudflare({
      errand: () => ({ url, tasks: [thumbnail] }),
      fetch(_, { errand, waitUntil }) {
        waitUntil((async () => {
          await goOn.opened;
          used.push((await errand.enqueue(thumbnail, { path: "b", width: 1 })).state);
        })());
        throw new Error("a mistake");
      },
    });
    const request = new Request("https://example.test/");
    await expect(fetch(request, {}, events(kept))).rejects.toThrow("a mistake");
    goOn.open();
    await Promise.all(kept);
    expect(used).toEqual(["available"]);
  });

  it("without a handler of requests has none", async () => {
    const { fetch } = cloudflare({ errand: () => ({ url: ":memory:" }) });
    const answer = await fetch(new Request("https://example.test/"), {}, events([]));
    expect(answer.status).toBe(404);
  });
});
