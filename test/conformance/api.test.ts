import { describe, expect, it } from "vitest";
import { overHttp, shared } from "./promises/all.ts";
import { api, conformance } from "./stores.ts";

conformance("the HTTP API over a file", [overHttp], api);

describe("promises that are not tried over HTTP", () => {
  it("are those on transactions, in which a client of an API takes no part", () => {
    const { transactions, ...others } = shared;
    expect(Object.keys(overHttp)).toEqual(expect.arrayContaining(Object.keys(others)));
    expect(Object.keys(transactions!)).toEqual([
      "statements add a job in the caller's own batch, or not at all",
      "a job in a transaction is there when that is committed, or never",
      "statements are written with the completion of their job",
      "a statement that fails writes nothing, and fails the attempt",
      "statements of a completion that comes too late are not written",
    ]);
  });
});
