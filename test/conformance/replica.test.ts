import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { tempDir } from "../support/temp.ts";
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

  it("shows an Errand what that has written, without a delay", async () => {
    await using errand = await Errand.open({ url: replica.url });
    for (let n = 0; n < 60; n++) {
      const { id } = await errand.enqueue("task", n);
      expect((await errand.get(id))?.payload).toBe(n);
      await errand.cancel(id);
      expect((await errand.get(id))?.state).toBe("cancelled");
      expect((await errand.remove(id)).id).toBe(id);
      expect(await errand.get(id)).toBeUndefined();
    }
  });

  it("that is embedded is refused, with the advice to use its primary", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("replica.db")}`;
    const client = createClient({ url, syncUrl: primary.url });
    await expect(Errand.open({ client })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/embedded replica.*primary's address/),
    });
    client.close();
  });
});
