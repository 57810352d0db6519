import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { current, root, tsArgs } from "../scripts/runtimes.ts";

it("the example of the README prints what the README says", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const example = firstBlock(readme, "Twenty lines", "ts");
  const printed = firstBlock(readme, "Twenty lines", "text");
  // within the package's own folder, so that "errand" means the package itself
  await mkdir(join(root, ".tmp"), { recursive: true });
  const folder = await mkdtemp(join(root, ".tmp", "readme-"));
  try {
    const file = join(folder, "example.ts");
    await writeFile(file, example);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, tsArgs(current, file), {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1" },
    });
    expect(stderr).toBe("");
    expect(plain(stdout)).toBe(plain(printed));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

it("the twenty lines are about twenty lines", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const lines = firstBlock(readme, "Twenty lines", "ts").split("\n");
  expect(lines.filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(22);
});

/** The first code block of a language after the heading that contains `words`. */
function firstBlock(markdown: string, words: string, language: string): string {
  const lines = markdown.split("\n");
  const heading = lines.findIndex((line) => line.startsWith("#") && line.includes(words));
  const start = lines.indexOf("```" + language, heading);
  const end = lines.indexOf("```", start);
  if (heading === -1 || start === -1 || end === -1) {
    throw new Error(`Cannot find a block of ${language} after "${words}" in the README`);
  }
  return lines.slice(start + 1, end).join("\n") + "\n";
}

/** The runtimes print an object with different quotes, spaces and lines. */
function plain(output: string): string {
  return output.replaceAll("'", '"').replace(/\s+/g, "").replaceAll(",}", "}");
}
