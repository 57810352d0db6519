import { expect, it } from "vitest";
import { preloadApi } from "../../src/http/mod.ts";
import { table } from "../../src/http/table.ts";

it("preloading leaves no route to be loaded by a request", async () => {
  expect(table.filter(({ row }) => row !== undefined)).toEqual([]);
  await preloadApi();
  expect(table.filter(({ row }) => row === undefined)).toEqual([]);
});
