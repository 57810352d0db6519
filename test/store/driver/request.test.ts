// How a request is sent, whatever the runtime does by itself.
import { describe, expect, it } from "vitest";
import { countedFetch } from "../../../src/store/driver/request.ts";
import { startProxy } from "../../support/proxy.ts";

const post = (url: string, body: string) => new Request(url, { method: "POST", body });

describe("a request to a server", () => {
  it("is sent once, also when its connection was kept alive and then closed", async () => {
    await using proxy = await startProxy("http://127.0.0.1:1");
    const { fetch } = countedFetch(5_000);
    for (let i = 0; i < 5; i++) {
      const { came } = proxy.counts;
      proxy.mishaps.push(200, "lost");
      expect((await fetch(post(proxy.url, "first"))).status).toBe(200);
      await expect(fetch(post(proxy.url, "second"))).rejects.toThrow();
      expect(proxy.counts.came - came).toBe(2);
    }
  });

  it("ends at its deadline, also in the middle of the answer", async () => {
    await using proxy = await startProxy("http://127.0.0.1:1");
    const { fetch } = countedFetch(200);
    proxy.mishaps.push("silence");
    await expect(fetch(post(proxy.url, "silence"))).rejects.toThrow();
  });

  it("passes the answer on as it came, with its status", async () => {
    await using proxy = await startProxy("http://127.0.0.1:1");
    const { fetch, usage } = countedFetch(5_000);
    proxy.mishaps.push(503);
    const answer = await fetch(post(proxy.url, "refused"));
    expect([answer.status, await answer.text()]).toEqual([503, "{}"]);
    expect(usage()).toEqual({ rowsRead: 0, rowsWritten: 0, requests: 1 });
  });
});
