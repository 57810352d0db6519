import { mkdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it, vi } from "vitest";
import { Errand } from "../../mod.ts";
import { current } from "../../scripts/runtimes.ts";
import { type DetachedOptions, startDetached } from "../../src/process/mod.ts";
import { ring } from "../support/keys.ts";
import { spawnTs } from "../support/spawn.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const module = new URL("./detached-tasks.ts", import.meta.url);

/** In the place of the worker: writes down who may read the order, beside the folders of orders. */
const LOOK = `import("node:fs").then((fs) => {
  const folder = process.argv.at(-1);
  const { mode } = fs.statSync(folder + "/order.json");
  fs.writeFileSync(folder + "/../../mode", (mode & 0o777).toString(8));
})`;
const LOOKS = current === "deno"
  ? ["eval", `import process from "node:process"; ${LOOK}`]
  : ["-e", LOOK];

/** Where what is temporary goes until it is disposed of. */
function temporaryFolder(within: string): Disposable & { orders(): Promise<string[]> } {
  const path = join(within, "temporary");
  mkdirSync(path);
  vi.stubEnv("TMPDIR", path);
  return {
    orders: async () => (await readdir(path)).filter((name) => name.startsWith("errand-")),
    [Symbol.dispose]: () => void vi.unstubAllEnvs(),
  };
}

/** A database of a test's own, and the workers that it started, which do not outlive it. */
async function scene(): Promise<Scene> {
  const dir = await tempDir();
  const url = `file:${dir.file("errand.db")}`;
  const out = dir.file("out");
  const pids: number[] = [];
  return {
    ...{ dir, url, out },
    adopt: (pid) => void pids.push(pid),
    start: async (options = {}) => {
      const started = await startDetached({ url, module, ...options });
      if (started.started) pids.push(started.pid);
      return started.started ? started.pid : undefined;
    },
    lines: async () => (await readFile(out, "utf8").catch(() => "")).split("\n").slice(0, -1),
    async [Symbol.asyncDispose]() {
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await expect.poll(() => pids.some(isAlive)).toBe(false);
      await dir[Symbol.asyncDispose]();
    },
  };
}

interface Scene extends AsyncDisposable {
  readonly dir: TempDir;
  readonly url: string;
  readonly out: string;
  /** Ends the process with the scene. */
  adopt(pid: number): void;
  /** The id of the new process, or `undefined`. */
  start(options?: Partial<DetachedOptions>): Promise<number | undefined>;
  /** What the handlers wrote. */
  lines(): Promise<string[]>;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function idle(errand: Errand): Promise<boolean> {
  const { available, scheduled, running } = await errand.stats();
  return available + scheduled + running === 0;
}

describe("a detached worker", () => {
  it("A9: works in a process of its own until its queues are empty, retries included", async () => {
    await using at = await scene();
    await using errand = await Errand.open({ url: at.url });
    const payloads = Array.from({ length: 20 }, (_, n) => ({ path: at.out, n, fails: n === 0 }));
    for (const payload of payloads) await errand.enqueue("write", payload, { queue: "detached" });
    const pid = (await at.start({ drain: true, single: true }))!;
    expect(pid).not.toBe(process.pid);
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await idle(errand)).toBe(true);
    const lines = (await at.lines()).map((line) => line.split(" ").map(Number));
    expect(lines.map(([n]) => n!).sort((a, b) => a - b)).toEqual(payloads.map(({ n }) => n));
    expect(new Set(lines.map(([, by]) => by))).toEqual(new Set([pid]));
  });

  it("A9: goes on when its caller is gone, whose output it does not share", async () => {
    await using at = await scene();
    const logFile = at.dir.file("log");
    const options = JSON.stringify({ url: at.url, module: module.href, logFile });
    await using errand = await Errand.open({ url: at.url });
    await using caller = await spawnTs(current, "test/process/caller.ts", {
      ERRAND_DETACHED: options,
    });
    const { pid } = JSON.parse(await caller.nextLine());
    at.adopt(pid);
    expect(await caller.ended, "the worker does not hold it up").toBe(0);
    await errand.enqueue("write", { path: at.out, n: 1 }, { queue: "detached" });
    await expect.poll(at.lines).toEqual([`1 ${pid}`]);
    if (process.platform !== "win32") {
      expect(isAlive(-pid), "no signal to the caller's group reaches it").toBe(true);
    }
    const log = await readFile(logFile, "utf8");
    expect(log).toContain("the tasks are loaded");
  });

  it("runs until it is stopped, and hands in what it did", async () => {
    await using at = await scene();
    await using errand = await Errand.open({ url: at.url });
    const pid = (await at.start({ single: "mine" }))!;
    const job = await errand.enqueue("write", { path: at.out, n: 1 }, { queue: "detached" });
    expect(await errand.wait(job, { timeout: "15s" })).toMatchObject({ state: "completed" });
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGTERM");
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await at.start({ single: "mine" }), "it gave up its mark").toBeTypeOf("number");
  });

  it.each([false, true])("ends when it is stopped from elsewhere (drain: %s)", async (drain) => {
    await using at = await scene();
    await using errand = await Errand.open({ url: at.url });
    await errand.enqueue("write", { path: at.out, n: 1 }, { queue: "detached", delay: "1h" });
    const pid = (await at.start({ single: true, drain, worker: { lease: "300ms" } }))!;
    const running = async () => (await errand.workers.list()).workers.find((of) => of.pid === pid);
    await expect.poll(running).toBeDefined();
    await errand.workers.stop((await running())!.id, { grace: 0 });
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await at.start({ single: true, drain }), "and gives up its mark").toBeTypeOf("number");
  });

  it("A9: is the only one of its name, and another name is another one", async () => {
    await using at = await scene();
    const race = await Promise.all([1, 2, 3].map(() => at.start({ single: true })));
    expect(race.filter((pid) => pid !== undefined)).toHaveLength(1);
    expect(await at.start({ single: true })).toBeUndefined();
    expect(await at.start({ single: "other" })).toBeTypeOf("number");
    expect(await at.start()).toBeTypeOf("number");
  });

  it("C2: that was killed keeps others away for its lease, and no longer", async () => {
    await using at = await scene();
    const options = { single: true, worker: { lease: "2s" } } as const;
    const pid = (await at.start(options))!;
    process.kill(pid, "SIGKILL");
    expect(await at.start(options)).toBeUndefined();
    await expect.poll(() => at.start(options)).toBeTypeOf("number");
  });

  it("A21: gets the keys of what is encrypted, and leaves none behind", async () => {
    await using at = await scene();
    using folder = temporaryFolder(at.dir.path);
    const encryption = ring(1);
    await using errand = await Errand.open({ url: at.url, encryption });
    await at.start({ encryption, worker: { queues: ["detached"], concurrency: 1 } });
    expect(await folder.orders()).toEqual([]);
    const job = await errand.enqueue("write", { path: at.out, n: 1 }, { queue: "detached" });
    expect(await errand.wait(job, { timeout: "15s" })).toMatchObject({ state: "completed" });
  });

  it.skipIf(process.platform === "win32")(
    "A21: gets its keys by a file that is its user's alone",
    async () => {
      await using at = await scene();
      using folder = temporaryFolder(at.dir.path);
      const started = at.start({ encryption: ring(1), execArgv: LOOKS, timeout: "10s" });
      await expect(started).rejects.toThrow(/before it began/);
      expect(await readFile(at.dir.file("mode"), "utf8")).toBe("600");
      expect(await folder.orders(), "also when nobody has read it").toEqual([]);
    },
  );

  it("A9: strands nothing that is added while it ends", { timeout: 60_000 }, async () => {
    await using at = await scene();
    await using errand = await Errand.open({ url: at.url });
    let starts = 0;
    for (let n = 0; n < 60; n++) {
      await errand.enqueue("write", { path: at.out, n }, { queue: "detached" });
      if (await at.start({ drain: true, single: true }) !== undefined) starts++;
    }
    await expect.poll(async () => (await at.lines()).length).toBe(60);
    await expect.poll(() => idle(errand)).toBe(true);
    expect(starts).toBeGreaterThan(0);
  });
});

describe("what cannot be started says why", () => {
  it.each<[string, Partial<DetachedOptions>, RegExp]>([
    ["no module", { module: "" }, /^Cannot start a detached worker: module is "", not the path/],
    ["memory", { url: ":memory:" }, /^Cannot start a detached worker: its database is in memory/],
    ["a drain", { drain: "later" as "due" }, /drain is "later", not true, "due" or false$/],
    ["a name", { single: "" }, /^Cannot use "" as single/],
    ["a lease", { worker: { lease: "1ms" } }, /^Cannot use 1 ms as lease/],
    ["a module that is not there", { module: "no/such.ts" }, /no\/such\.ts cannot be loaded: /],
    [
      "a module without tasks",
      { module: new URL("./no-tasks.ts", import.meta.url) },
      /no-tasks\.ts exports no tasks; export what defineTask returns$/,
    ],
  ])("%s", async (_, options, message) => {
    await using at = await scene();
    await expect(at.start(options)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(message),
    });
  });

  it.each([false, true])("no database (single: %s)", async (single) => {
    await using at = await scene();
    const url = `file:${at.dir.file("none/errand.db")}`;
    await expect(at.start({ url, single })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining("its folder does not exist"),
    });
  });

  it("a process that ends before it begins, or does not begin in time", async () => {
    await using at = await scene();
    const execArgv = current === "deno" ? ["nonsense"] : ["--no-such-flag"];
    if (current !== "bun") { // which ignores it
      await expect(at.start({ execArgv })).rejects.toThrow(/before it began; logFile keeps/);
    }
    await expect(at.start({ timeout: 0 })).rejects.toThrow(/did not begin within 0 ms$/);
  });
});
