import { afterAll, beforeAll, describe } from "vitest";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { alone, shared } from "./promises/all.ts";
import { conformance, prepare, server } from "./stores.ts";

describe.runIf(offered("promises over a replica", findSqld()))("a replica", () => {
  let primary: Sqld;
  let replica: Sqld;

  beforeAll(async () => {
    primary = await startSqld({ primary: true });
    await prepare(primary);
    replica = await startSqld({ replicaOf: primary.replicationUrl });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await primary[Symbol.asyncDispose]();
  });

  conformance("a replica of sqld by http", [alone, shared], server(() => ({ url: replica.url })));
});
