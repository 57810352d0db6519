import { describe, expect, it } from "vitest";
import { requestSettings } from "../../src/client/options.ts";
import { Requests } from "../../src/client/requests.ts";
import { Wakeups } from "../../src/client/wakeups.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import { fakeFetch, type Sent, url } from "../support/fake-fetch.ts";
import { type Gate, gate } from "../support/gate.ts";
import { until } from "../support/until.ts";

/** Answers when the test says so. */
function listening() {
  const gates: Gate<Response>[] = [];
  const { fetch, sent } = fakeFetch(() => {
    const next = gate<Response>();
    gates.push(next);
    return next.opened;
  });
  let heard = 0;
  const clock = new FakeClock();
  const requests = new Requests(requestSettings({ url, fetch }));
  const wakeups = new Wakeups(requests, () => void heard++, clock);
  return {
    ...{ wakeups, clock, sent },
    heard: () => heard,
    /** So many requests in all; each is sent a moment after somebody has begun to listen. */
    asked: (times: number) =>
      until(async () => {
        await clock.advance(5);
        expect(sent).toHaveLength(times);
      }),
    answer(at: number, work: boolean, after = `after ${at}`): void {
      gates[at]!.open(Response.json({ after, work }));
    },
    fail: (at: number) => gates[at]!.open(new Response("", { status: 502 })),
  };
}

const set = (...queues: string[]): ReadonlySet<string> => new Set(queues);
const query = (one: Sent | undefined) => Object.fromEntries(new URL(one!.path, url).searchParams);
const isAborted = ({ init }: Sent) => init.signal!.aborted;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("listening for work at a server", () => {
  it("asks nothing while nobody listens", async () => {
    const { wakeups, sent } = listening();
    wakeups.listen(set());
    await turn();
    expect(sent).toEqual([]);
    wakeups.stop();
  });

  it("asks once at a time for all queues, and goes on after what it has heard", async () => {
    const { wakeups, sent, answer, heard, asked } = listening();
    wakeups.listen(set("a", "b"));
    wakeups.listen(set("b"));
    await asked(1);
    expect(query(sent[0])).toEqual({ queues: "a,b", wait: "30000" });
    answer(0, false);
    await asked(2);
    expect([query(sent[1]), heard()])
      .toEqual([{ queues: "a,b", after: "after 0", wait: "30000" }, 0]);
    answer(1, true);
    await until(() => expect(heard()).toBe(1));
    await turn();
    expect(sent).toHaveLength(2);
    wakeups.listen(set("b"));
    await asked(3);
    expect(query(sent[2])).toMatchObject({ queues: "b", after: "after 1" });
    wakeups.stop();
    expect(isAborted(sent[2]!)).toBe(true);
  });

  it("asks for queues so that a comma in a name is none between names", async () => {
    const { wakeups, sent, asked } = listening();
    wakeups.listen(set("a,b", "50%"));
    await asked(1);
    expect(query(sent[0])).toMatchObject({ queues: "a%2Cb,50%25" });
    wakeups.stop();
  });

  it("asks nothing for one who stops listening at once", async () => {
    const { wakeups, clock, sent } = listening();
    wakeups.listen(set("a"));
    await clock.advance(4);
    wakeups.listen(set());
    wakeups.settle();
    await clock.advance(5_000);
    expect(sent).toEqual([]);
  });

  it("settles only when nobody listens", async () => {
    const { wakeups, sent, asked } = listening();
    wakeups.listen(set("a"));
    await asked(1);
    wakeups.settle();
    expect(isAborted(sent[0]!)).toBe(false);
    wakeups.listen(set());
    wakeups.settle();
    expect(isAborted(sent[0]!)).toBe(true);
  });

  it("asks anew when a queue is listened for that was not asked about", async () => {
    const { wakeups, sent, asked } = listening();
    wakeups.listen(set("a"));
    await asked(1);
    wakeups.listen(set("a", "c"));
    await asked(2);
    expect([isAborted(sent[0]!), query(sent[1]).queues]).toEqual([true, "a,c"]);
    wakeups.stop();
  });

  it("keeps its request for one who listens again at once, and its answer as well", async () => {
    const { wakeups, sent, answer, heard, asked } = listening();
    wakeups.listen(set("a"));
    await asked(1);
    wakeups.listen(set());
    wakeups.listen(set("a"));
    wakeups.listen(set());
    answer(0, true);
    await turn();
    await turn();
    expect(heard()).toBe(0);
    wakeups.listen(set("a"));
    await until(() => expect(heard()).toBe(1));
    expect(sent).toHaveLength(1);
    wakeups.stop();
  });

  it("gives its request up when nobody listens any more", async () => {
    const { wakeups, clock, sent, asked } = listening();
    wakeups.listen(set("a"));
    await asked(1);
    wakeups.listen(set());
    await clock.advance(999);
    expect(isAborted(sent[0]!)).toBe(false);
    await clock.advance(1);
    expect(isAborted(sent[0]!)).toBe(true);
  });

  it("takes a failure for news, so that who listens looks for itself", async () => {
    const { wakeups, fail, heard, asked } = listening();
    wakeups.listen(set("a"));
    await asked(1);
    fail(0);
    await until(() => expect(heard()).toBe(1));
    wakeups.stop();
  });

  it("asks less and less often when its answers lead to no job", async () => {
    const { wakeups, clock, sent, answer, heard, asked } = listening();
    const pauses: number[] = [];
    for (let n = 0; n < 6; n++) {
      const begunMs = clock.elapsedMs();
      wakeups.listen(set("a"));
      for (await turn(); sent.length === n; await clock.advance(1));
      pauses.push(clock.elapsedMs() - begunMs);
      answer(n, true);
      await until(() => expect(heard()).toBe(n + 1));
    }
    expect(pauses).toEqual([5, 5, 5, 20, 40, 80]);
    wakeups.found();
    wakeups.listen(set("a"));
    await asked(7);
    wakeups.stop();
  });
});
