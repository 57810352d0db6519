// The nudge that an enqueuer sends after its commit.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { gate } from "./support/gate.ts";
import { listen } from "./support/listen.ts";

const work = defineTask({ name: "work", run: () => "done" });

describe("a nudge", () => {
  it("is sent after the commit of what is due, and not for what is due later", async () => {
    const seen: (number | undefined)[] = [];
    await using errand = await testErrand({
      tasks: [work],
      nudge: async () => void seen.push((await errand.stats()).available),
    });
    const settled = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
      return seen.splice(0);
    };
    const job = await errand.enqueue(work, {}, { unique: true });
    expect(await settled()).toEqual([1]);
    await errand.enqueue(work, {}, { unique: true }); // a duplicate
    await errand.enqueue(work, {}, { delay: "1h" });
    expect(await settled()).toEqual([]);
    await errand.enqueueMany(work, [1, 2]);
    expect(await settled()).toEqual([3]);
    await errand.cancel(job.id);
    await errand.retry(job.id);
    expect(await settled()).toEqual([3]);
    errand.wake();
    expect(await settled()).toEqual([3]);
  });

  it("is on its way once, and waits once, however much is enqueued meanwhile", async () => {
    let sent = 0;
    const goOn = gate();
    await using errand = await testErrand({
      tasks: [work],
      nudge: () => (sent++, goOn.opened),
    });
    for (let n = 0; n < 20; n++) await errand.enqueue(work, n);
    expect(sent).toBe(1);
    goOn.open();
    await errand.close();
    expect(sent).toBe(2);
  });

  it("is waited for by close", async () => {
    const goOn = gate();
    let arrived = false;
    const errand = await testErrand({
      tasks: [work],
      nudge: async () => {
        await goOn.opened;
        arrived = true;
      },
    });
    await errand.enqueue(work);
    const closed = errand.close();
    goOn.open();
    await closed;
    expect(arrived).toBe(true);
  });

  it("that fails is told as an event, and its job is kept", async () => {
    const told: unknown[] = [];
    const errand = await testErrand({
      tasks: [work],
      nudge: () => Promise.reject(new Error("nobody is there")),
    });
    errand.on("error", ({ error, during }) => told.push([during, String(error)]));
    expect((await errand.enqueue(work)).state).toBe("available");
    await errand.close();
    expect(told).toEqual([["nudge", "Error: nobody is there"]]);
  });

  it("follows no redirect, and tells no query in its error", async () => {
    const asked: string[] = [];
    await using server = await listen((request) => {
      asked.push(new URL(request.url).pathname);
      return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
    });
    const told: string[] = [];
    const errand = await testErrand({ tasks: [work], nudge: `${server.url}/run?token=x` });
    errand.on("error", ({ error }) => told.push(String(error)));
    await errand.enqueue(work);
    await errand.close();
    expect(asked).toEqual(["/run"]);
    expect(told).toEqual([`Error: Cannot nudge ${server.url}/run: Error: it answered 302`]);
  });

  it("is given up after its timeout", async () => {
    const asked = gate();
    const never = gate<Response>();
    await using server = await listen(() => {
      asked.open();
      return never.opened;
    });
    const told: string[] = [];
    const errand = await testErrand({
      tasks: [work],
      nudge: { url: server.url, timeout: "3s" },
    });
    errand.on("error", ({ error }) => told.push(String(error)));
    await errand.enqueue(work);
    await asked.opened;
    await errand.clock.advance("3s");
    await errand.close();
    never.open(new Response());
    expect(told).toEqual([`Error: Cannot nudge ${server.url}/: no answer in 3000 ms`]);
  });

  const unusable = [
    ...["", "example.com", "file:///etc/passwd", "ftp://a.test", "https://user:word@a.test"],
    ...[{ url: "javascript:0" }, { url: "https://a.test", secret: "" }, null, 7],
  ];

  it.each(unusable)("cannot be sent to %j", async (nudge) => {
    await expect(Errand.open({ url: ":memory:", nudge: nudge as string }))
      .rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringMatching(/^Cannot /) });
  });
});
