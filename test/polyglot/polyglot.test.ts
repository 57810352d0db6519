import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { Errand, type Job } from "../../mod.ts";
import { needTools } from "../support/tools.ts";
import { program, type Served, served } from "../support/program.ts";
import { openRaw } from "../support/raw.ts";
import { spawnProgram, type TsProcess } from "../support/spawn.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const LANGUAGES = [
  { name: "python", command: "python3", file: "test/polyglot/worker.py" },
  { name: "bash", command: "bash", file: "test/polyglot/worker.sh" },
] as const;
const MODULE = "test/cli/tasks.ts";
const JOBS = 1_000;
/** So long the jobs of what was killed wait. */
const LEASE = "3s";
const WAIT = { timeout: 90_000, interval: 50 };

const has = needTools("python3", "bash", "curl", "jq");

/** Starts a worker of another language. */
function startWorker(
  { command, file }: typeof LANGUAGES[number],
  server: { readonly url: string },
  lease = "30s",
): Promise<TsProcess> {
  return spawnProgram(command, [file], { ERRAND_URL: server.url, ERRAND_LEASE: lease });
}

/** Who completed how many jobs, by what a process logs: by name, or its own worker. */
async function tally(process: TsProcess, by: Map<string, number>): Promise<void> {
  for (;;) {
    const line = await process.nextLine().catch(() => undefined);
    if (line === undefined) return;
    const { message, worker } = JSON.parse(line);
    if (message !== "Job completed") continue;
    const kind = /^(python|bash|http)-/.exec(worker)?.[1] ?? "typescript";
    by.set(kind, (by.get(kind) ?? 0) + 1);
  }
}

function serve(dir: TempDir, ...args: string[]): Promise<Served> {
  return served(["--url", urlIn(dir), "--lease", LEASE, ...args]);
}

function urlIn(dir: TempDir): string {
  return `file:${dir.file("errand.db")}`;
}

function expiry(dir: TempDir): number {
  using raw = openRaw(dir.file("errand.db"));
  return Number(raw.rows("SELECT max(expires_at) FROM errand_lease")[0]![0]);
}

/** The processes of this machine that have an argument, by their command lines; on Linux alone. */
async function processes(argument: string): Promise<string[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.split("\0").includes(argument));
}

async function state(errand: Errand, { id }: Job): Promise<string | undefined> {
  return (await errand.get(id))?.state;
}

describe.runIf(has)("workers of several languages", { timeout: 60_000 }, () => {
  it("complete each of a thousand jobs once, though some are killed, and the server too", {
    timeout: 180_000,
  }, async () => {
    await using dir = await tempDir();
    await using errand = await Errand.open({ url: urlIn(dir) });
    const module = ["--module", MODULE, "--concurrency", "1"];
    const by = new Map<string, number>();
    const completions = new Map<string, number>();
    const watched = new AbortController();
    const watch = errand.watch({ event: ["completed"] }, { signal: watched.signal });
    await watch.begun;
    const watching = (async () => {
      for await (const { id } of watch) completions.set(id, (completions.get(id) ?? 0) + 1);
    })();
    const done = (n: number) => expect.poll(() => completions.size, WAIT).toBeGreaterThanOrEqual(n);

    await using first = await serve(dir, ...module);
    const { port } = new URL(first.url);
    const logs = [tally(first, by)];
    await errand.enqueueMany(Array.from({ length: JOBS }, (_, n) => ({
      task: "double",
      payload: { n, seconds: 0.02 },
      retry: { maxAttempts: 100, delay: "100ms" }, // a slow machine may lose a lease too
    })));
    const started = [...LANGUAGES, ...LANGUAGES].map((language) =>
      startWorker(language, first, LEASE)
    );
    const [python, bash, ...others] = await Promise.all(started);
    await using _ = {
      [Symbol.asyncDispose]: async () =>
        void await Promise.all([python!, bash!, ...others].map((worker) => worker.kill())),
    };
    const work = ["work", ...module, "--lease", LEASE];
    await using typescript = await program([...work, "--url", urlIn(dir)]);
    await using http = await program([...work, "--server", first.url, "--name", "http-1"]);
    logs.push(tally(typescript, by), tally(http, by));

    await done(JOBS / 5);
    await Promise.all([python!.kill(), bash!.kill()]);
    await done(JOBS / 4);
    await first.kill();
    await using second = await serve(dir, ...module, "--port", port);
    logs.push(tally(second, by));
    await done(JOBS / 2);
    others.push(
      ...await Promise.all(LANGUAGES.map((language) => startWorker(language, second, LEASE))),
    );
    await done(JOBS);

    const ends = await Promise.all(others.map((worker) => worker.kill("SIGTERM")));
    expect(ends).toEqual([0, 0, 0, 0]);
    expect(await http.kill("SIGTERM")).toBe(0);
    expect(await typescript.kill("SIGTERM")).toBe(0);
    expect(await second.kill("SIGTERM")).toBe(0);
    await Promise.all(logs);
    watched.abort();
    await watching;
    expect(await errand.stats()).toMatchObject({ completed: JOBS, failed: 0, running: 0 });
    const { jobs } = await errand.list({ limit: 1_000 });
    const payload = (job: Job) => (job.payload as { n: number }).n;
    expect(jobs.map(payload).sort((a, b) => a - b)).toEqual([...Array(JOBS).keys()]);
    expect(jobs.every((job) => (job.result as { doubled: number }).doubled === 2 * payload(job)))
      .toBe(true);
    expect(new Set(completions.values()), "nothing was completed twice").toEqual(new Set([1]));
    const kinds = ["bash", "http", "python", "typescript"];
    expect([...by.keys()].sort(), "all kinds took part").toEqual(kinds);
  });

  // they wait for leases and pauses, mostly
  describe.concurrent.each(LANGUAGES)("in $name", (language) => {
    it("has less than 80 lines", async () => {
      expect((await readFile(language.file, "utf8")).trimEnd().split("\n").length).toBeLessThan(80);
    });

    it("ends a job that is cancelled, with all that it has started, and goes on", async ({ expect }) => {
      await using dir = await tempDir();
      await using errand = await Errand.open({ url: urlIn(dir) });
      await using server = await serve(dir);
      await using _ = await startWorker(language, server, "3s");
      const seconds = 3_600 + Math.random();
      const long = await errand.enqueue("double", { n: 1, seconds });
      await expect.poll(() => state(errand, long), WAIT).toBe("running");
      const sleeping = () => processes(String(seconds));
      const seen = language.name === "bash" && process.platform === "linux";
      if (seen) await expect.poll(sleeping, WAIT).not.toEqual([]);
      const next = await errand.enqueue("double", { n: 2 });
      await errand.cancel(long.id);
      expect(await errand.wait(next, { timeout: "30s" })).toMatchObject({ state: "completed" });
      expect(await state(errand, long)).toBe("cancelled");
      expect(await sleeping()).toEqual([]);
    });

    it("keeps a job that takes longer than its lease", async ({ expect }) => {
      await using dir = await tempDir();
      await using errand = await Errand.open({ url: urlIn(dir) });
      await using server = await serve(dir);
      await using _ = await startWorker(language, server, "3s");
      const job = await errand.enqueue("double", { n: 3, seconds: 5 });
      expect(await errand.wait(job, { timeout: "30s" }))
        .toMatchObject({ state: "completed", attempt: 1, result: { doubled: 6 } });
    });

    it("tells why a job failed, and leaves tasks that it does not know to others", async ({ expect }) => {
      await using dir = await tempDir();
      await using errand = await Errand.open({ url: urlIn(dir) });
      await using server = await serve(dir);
      await using _ = await startWorker(language, server);
      const bad = await errand.enqueue("double", "no object", { retry: { maxAttempts: 1 } });
      const failed = await errand.wait(bad, { timeout: "30s" });
      expect(failed).toMatchObject({ state: "failed", error: { code: "HANDLER" } });
      expect(failed.error?.message).not.toBe("");
      const unknown = await errand.enqueue("unknown");
      await expect.poll(() => state(errand, unknown), WAIT).toBe("scheduled");
      expect(await errand.get(unknown.id)).toMatchObject({ attempt: 0 });
    });

    it("lets go of its job when it is killed, and of all that it has started", async ({ expect }) => {
      await using dir = await tempDir();
      await using errand = await Errand.open({ url: urlIn(dir) });
      await using server = await serve(dir);
      await using worker = await startWorker(language, server, LEASE);
      const job = await errand.enqueue("double", { n: 5, seconds: 10 });
      await expect.poll(() => state(errand, job), WAIT).toBe("running");
      const began = expiry(dir);
      await expect.poll(() => expiry(dir), WAIT).toBeGreaterThan(began); // by its heartbeat
      expect(await worker.kill()).toBe("SIGKILL");
      await using _ = await startWorker(language, server);
      await expect.poll(async () => (await errand.get(job.id))?.attempt, WAIT).toBe(2);
    });

    it("finishes what runs when it is asked to end", async ({ expect }) => {
      await using dir = await tempDir();
      await using errand = await Errand.open({ url: urlIn(dir) });
      await using server = await serve(dir);
      await using worker = await startWorker(language, server);
      const job = await errand.enqueue("double", { n: 4, seconds: 2 });
      await expect.poll(() => state(errand, job), WAIT).toBe("running");
      expect(await worker.kill("SIGTERM")).toBe(0);
      expect(await errand.get(job.id)).toMatchObject({ state: "completed", attempt: 1 });
    });
  });
});
