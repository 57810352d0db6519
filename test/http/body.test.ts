// Reading the body of a request within a bound.
import { describe, expect, it } from "vitest";
import { boundedBytes } from "../../src/http/body.ts";

/** A request with a body of 100 bytes that says of itself what it likes. */
function sent(headers: Readonly<Record<string, string>>): Request {
  const whole = new Request("http://api.test", { method: "POST", body: "x".repeat(100) });
  return {
    headers: new Headers(headers),
    body: whole.body,
    arrayBuffer: () => whole.arrayBuffer(),
  } as Request;
}

describe("a body", () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ["of a length that is told", { "content-length": "100" }],
    ["of no length", {}],
    ["that is longer than it says", { "content-length": "5" }],
  ])("%s is read up to the bound", async (_, headers) => {
    expect((await boundedBytes(sent(headers), 100))?.byteLength).toBe(100);
    expect(await boundedBytes(sent(headers), 99)).toBeUndefined();
  });

  it("in chunks is read piece by piece, whatever its length is said to be", async () => {
    const headers = { "content-length": "5", "transfer-encoding": "chunked" };
    const atOnce = (): Promise<never> => Promise.reject(new Error("It was read at once"));
    const request = Object.assign(sent(headers), { arrayBuffer: atOnce });
    expect((await boundedBytes(request, 100))?.byteLength).toBe(100);
  });

  it("that says that it is too long is not read", async () => {
    const request = sent({ "content-length": "1000" });
    expect(await boundedBytes(request, 999)).toBeUndefined();
    expect((await request.arrayBuffer()).byteLength).toBe(100);
  });

  it("that breaks off is told so, with the cause", async () => {
    const cause = new TypeError("The connection was reset");
    const request = {
      headers: new Headers({ "content-length": "100" }),
      arrayBuffer: () => Promise.reject(cause),
    } as unknown as Request;
    await expect(boundedBytes(request, 100)).rejects.toMatchObject({
      ...{ name: "ErrandError", code: "INVALID_INPUT", cause },
    });
  });
});
