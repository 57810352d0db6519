// The demo, as someone runs it who has just cloned the project.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { Errand } from "../mod.ts";
import { enqueueAll } from "../scripts/demo/enqueue.ts";
import { current, root, tsArgs } from "../scripts/runtimes.ts";
import { tempDir } from "./support/temp.ts";

/** The demo's output, and its exit code; `stop` sees each line and may end it with SIGKILL. */
async function demo(
  cwd: string,
  folder: string,
  stop: (line: string) => boolean = () => false,
): Promise<{ readonly out: string; readonly errors: string; readonly code: number | null }> {
  const args = [...tsArgs(current, join(root, "scripts/demo.ts")), folder];
  const child: ChildProcess = spawn(process.execPath, loadable(args), { cwd });
  const ended = once(child, "close");
  let errors = "";
  child.stderr!.on("data", (chunk: Uint8Array) => errors += new TextDecoder().decode(chunk));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    if (stop(line)) child.kill("SIGKILL");
  }
  const [code] = await ended as [number | null];
  return { out: lines.join("\n"), errors, code };
}

/** Node looks for its loader from the current folder, which is another one here. */
function loadable(args: readonly string[]): string[] {
  const loader = join(root, "node_modules/tsx/dist/loader.mjs");
  return args.map((arg) => arg === "tsx" ? loader : arg);
}

it("the demo counts each file, of any size and name, and says how to read what it found", async () => {
  await using dir = await tempDir();
  const folder = dir.file("files");
  await mkdir(join(folder, "within"), { recursive: true });
  await writeFile(join(folder, "within", "abc ü.txt"), "abc");
  await writeFile(join(folder, "empty"), "");
  // over a piece, which ends within a word
  await writeFile(join(folder, "long"), "a line of words\n".repeat(5_000) + "no end");
  await writeFile(join(folder, "binary"), new Uint8Array([0, 255, 10, 254, 9, 13, 1]));

  const { out, errors, code } = await demo(dir.path, "files");
  expect([errors, code]).toEqual(["", 0]);
  expect(out).toMatch(new RegExp(`^Starting on ${current}: 4 files in .*, 7 jobs enqueued, 7 to`));
  expect(out).toContain("flaky: attempt 2 failed (attempt 2 fails on purpose), will retry");
  expect(out).toContain("sleepy: snoozed for 500 ms");
  expect(out).toMatch(/jobs completed +7\n.*attempts of this run +9, and 1 snoozed\n.*per second/);
  expect(out).toMatch(/slowest +[\d.]+ ms .*\n.*\n.*\n +database +errand-demo\.db\n/);

  const told = /\{ url: "(.*)" \}\);\n.*errand\.get\("(.*)"\).*\n\n +(.*)/.exec(out)!;
  await using errand = await Errand.open({ url: told[1]!.replace("file:", `file:${dir.path}/`) });
  expect((await errand.get(told[2]!))?.result).toEqual(JSON.parse(told[3]!));
  const { jobs } = await errand.list({ task: "inspect" });
  const found = jobs.map(({ payload, result }) => ({
    name: (payload as { path: string }).path.slice(folder.length + 1),
    ...result as { sha256: string; bytes: number; lines: number; words: number },
  }));
  const counts = found.map(({ name, bytes, lines, words }) => [name, bytes, lines, words]);
  expect(Object.fromEntries(counts.map(([name, ...rest]) => [name, rest]))).toEqual({
    "within/abc ü.txt": [3, 0, 1],
    "empty": [0, 0, 0],
    "long": [80_006, 5_000, 20_002],
    "binary": [7, 1, 3],
  });
  expect(found.find(({ bytes }) => bytes === 3)?.sha256).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

it("a demo that is killed in the middle goes on where it was", async () => {
  await using dir = await tempDir();
  const folder = dir.file("files");
  await mkdir(folder);
  const files = Array.from({ length: 400 }, (_, n) => join(folder, `${n}.txt`));
  await Promise.all(files.map((file) => writeFile(file, "some words")));
  const first = await demo(dir.path, folder, (line) => line.includes("of 403 jobs ended"));
  expect([first.errors, first.code]).toEqual(["", null]);
  expect(first.out).toContain("403 jobs enqueued, 403 to run");

  const second = await demo(dir.path, folder);
  expect([second.errors, second.code]).toEqual(["", 0]);
  const [, left] = /^Continuing on .*, 0 jobs enqueued, (\d+) to run/.exec(second.out)!;
  expect(Number(left)).toBeLessThan(403);
  expect(second.out).toContain(`${left} of ${left} jobs ended`);
  expect(second.out).toMatch(/jobs completed +403\n/);
});

it("the demo takes more files than one call does", async () => {
  await using errand = await Errand.open({ url: ":memory:" });
  await enqueueAll(errand, Array.from({ length: 10_001 }, () => ({ task: "inspect" })));
  expect((await errand.stats()).available).toBe(10_001);
});

it("the demo says in one line what it cannot do", async () => {
  await using dir = await tempDir();
  const missing = await demo(dir.path, "nowhere");
  expect(missing.errors).toBe(
    `Cannot read the folder ${dir.file("nowhere")}: it does not exist, or is no folder\n`,
  );
  expect(missing.code).toBe(2);
  await writeFile(dir.file("errand-demo.db"), "no database ".repeat(100));
  const taken = await demo(dir.path, ".");
  expect(taken.errors).toMatch(
    /^Cannot open .*errand-demo\.db: the file is no SQLite database.*\n$/,
  );
  expect(taken.code).toBe(1);
});
