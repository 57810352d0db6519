// The tokens of a file, while it changes.
import { utimes, writeFile } from "node:fs/promises";
import { expect, it, vi } from "vitest";
import { watchedTokens } from "../../src/cli/tokens.ts";
import type { ApiToken } from "../../src/http/auth.ts";
import type { Logger } from "../../src/logger.ts";
import { tempDir } from "../support/temp.ts";

const textOf = (name: string): string =>
  JSON.stringify([{ name, hash: "a".repeat(64), scopes: ["read"] }]);

it("a change that cannot be used is told once, and the next one is read whatever it looks like", async () => {
  await using dir = await tempDir();
  const file = dir.file("tokens.json");
  await writeFile(file, textOf("a"));
  const error = vi.fn();
  const logger: Logger = { debug() {}, info() {}, warn() {}, error };
  const tokens = await watchedTokens(file, logger) as () => Promise<readonly ApiToken[]>;
  const names = async () => (await tokens()).map(({ name }) => name);
  expect(await names()).toEqual(["a"]);

  await writeFile(file, "{ half of");
  await expect.poll(async () => [await names(), error.mock.calls.length]).toEqual([["a"], 1]);
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // it is looked at once more
  expect([await names(), error.mock.calls.length]).toEqual([["a"], 1]);

  for (const name of ["b", "c"]) { // of the same length, in place, and one as old as the other
    await writeFile(file, textOf(name));
    await utimes(file, 1_000, 1_000);
    await expect.poll(names).toEqual([name]);
  }
});
