import { afterAll, beforeAll, describe } from "vitest";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { alone, shared } from "./promises/all.ts";
import { conformance, prepare, server } from "./stores.ts";

describe.runIf(offered("promises over sqld", findSqld()))("a server", () => {
  let sqld: Sqld;

  beforeAll(async () => {
    sqld = await startSqld();
    await prepare(sqld);
  });
  afterAll(() => sqld[Symbol.asyncDispose]());

  conformance("sqld by http", [alone, shared], server(() => ({ url: sqld.url })));
  conformance(
    "sqld by ws",
    [alone, shared],
    server(() => ({ url: sqld.url.replace(/^http/, "ws") })),
  );
});
