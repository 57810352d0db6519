// The npm package, built and used as one that is installed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { binArgs, current, root, tsArgs } from "../scripts/runtimes.ts";
import { type TempDir, tempDir } from "./support/temp.ts";

const LONG_MS = 120_000;
const BUILT = join(root, "dist/npm");

const PROGRAM = `
import { defineTask, Errand } from "errand";
import { createApi } from "errand/http";
import { connect } from "errand/client";
import { testErrand } from "errand/testing";

const greet = defineTask({ name: "greet", run: ({ input }) => ({ hello: input }) });
const errand = await Errand.open({ url: "file:errand.db", tasks: [greet] });
const job = await errand.enqueue(greet, "Ada");
const { completed } = await errand.worker().drain();
const done = await errand.get(job);
await errand.close();
console.log(JSON.stringify([completed, done?.result?.hello ?? null]));
console.log([createApi, connect, testErrand].map((each) => typeof each).join(" "));
`;

function execute(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  expect([status, stderr], stdout).toEqual([0, ""]);
  return stdout;
}

/** A project that has the package. */
async function project(dir: TempDir): Promise<string> {
  await mkdir(dir.file("node_modules"));
  await symlink(BUILT, dir.file("node_modules/errand"));
  await writeFile(dir.file("package.json"), '{ "type": "module" }');
  await writeFile(dir.file("program.mjs"), PROGRAM);
  await writeFile(dir.file("program.mts"), PROGRAM);
  return dir.path;
}

describe.runIf(current === "node")("the package", { timeout: LONG_MS }, () => {
  it("runs, compiles without types of others, and maps to sources of its own", async () => {
    execute(tsArgs(current, "scripts/build-npm.ts"), root);
    await using dir = await tempDir();
    const cwd = await project(dir);
    expect(execute(["program.mjs"], cwd)).toBe('[1,"Ada"]\nfunction function function\n');
    const tsc = binArgs(current, "typescript/bin/tsc");
    const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];

    execute([...tsc, ...strict, "--types", "", "--lib", "es2022,dom", "program.mts"], cwd);

    const maps = (await readdir(BUILT, { recursive: true })).filter((file) => /\.map$/.test(file));
    expect(maps.length).toBeGreaterThan(50);
    for (const file of maps) {
      const { sources, sourcesContent } = JSON.parse(await readFile(join(BUILT, file), "utf8"));
      expect(sourcesContent).toHaveLength(1);
      // beside itself, where a stack trace may name it, and nowhere in a user's project
      expect(dirname(sources[0])).toBe(".");
      expect(existsSync(join(BUILT, dirname(file), sources[0]))).toBe(false);
    }
  });
});
