// Requests that come together go on together.
import { describe, expect, it } from "vitest";
import { createApi } from "../../src/http/mod.ts";
import { gathering } from "../../src/http/gathering.ts";
import { partsOf } from "../../src/parts.ts";
import { type TestErrand, testErrand } from "../../src/testing/mod.ts";
import type { Clock } from "../../src/clock.ts";
import { gate } from "../support/gate.ts";

/** A clock whose turns end when the test says so. */
function steps() {
  const gates: ReturnType<typeof gate<void>>[] = [];
  let nowMs = 0;
  const turn = (): Promise<void> => {
    const next = gate<void>();
    gates.push(next);
    return next.opened;
  };
  /** Ends the turn that is under way, and lets run what waited for it. */
  const step = async (): Promise<void> => {
    gates.at(-1)!.open();
    await settle();
  };
  const clock = { turn, elapsedMs: () => nowMs } as Clock;
  return { clock, step, turns: () => gates.length, pass: (ms: number) => void (nowMs += ms) };
}

async function settle(): Promise<void> {
  for (let at = 0; at < 10; at++) await Promise.resolve();
}

describe("gathering", () => {
  it("lets one that is alone go on after a turn", async () => {
    const { clock, step, turns } = steps();
    let gone = false;
    const going = gathering(clock)().then(() => gone = true);
    await settle();
    expect(gone).toBe(false);
    await step();
    expect(gone).toBe(true);
    expect(turns()).toBe(1);
    await going;
  });

  it("waits as long as turns bring more, and lets all of them go on in the order they came", async () => {
    const { clock, step, turns } = steps();
    const gathered = gathering(clock);
    const gone: number[] = [];
    const come = (order: number): void => void gathered().then(() => gone.push(order));
    come(1);
    come(2);
    await step();
    expect(gone).toEqual([]); // the second came in the first turn
    await step();
    expect(gone).toEqual([1, 2]);
    come(3);
    await settle();
    come(4);
    await step();
    come(5);
    expect(gone).toEqual([1, 2]);
    await step();
    expect(gone).toEqual([1, 2]);
    await step();
    expect(gone).toEqual([1, 2, 3, 4, 5]);
    expect(turns()).toBe(5);
  });

  it("begins anew after a turn that has failed", async () => {
    const turns = [Promise.reject(new Error("No turn")), Promise.resolve()];
    const gathered = gathering({ turn: () => turns.shift()!, elapsedMs: () => 0 } as never);
    await expect(gathered()).rejects.toThrow("No turn");
    await gathered();
  });

  it("does not wait for ever where they never end to come", async () => {
    const { clock, step } = steps();
    const gathered = gathering(clock);
    let gone = false;
    void gathered().then(() => gone = true);
    let turns = 0;
    for (; !gone && turns < 100; turns++) {
      void gathered();
      await step();
    }
    expect(turns).toBe(8);
  });

  it("waits for no turn more when one has taken long", async () => {
    const { clock, step, pass } = steps();
    const gathered = gathering(clock);
    let gone = 0;
    const come = (): void => void gathered().then(() => gone++);
    come();
    come();
    pass(2);
    await step();
    expect(gone).toBe(2);
  });
});

/** Lets the event loop turn more often than a request needs to come to where it waits. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** How many jobs are stored together, from now on. */
function batchesOf(errand: TestErrand): number[] {
  const { broker } = partsOf(errand);
  const batches: number[] = [];
  const enqueue = broker.enqueue.bind(broker);
  broker.enqueue = (jobs) => {
    batches.push(jobs.length);
    return enqueue(jobs);
  };
  return batches;
}

describe("requests that add jobs", () => {
  it("are one commit when they come in one turn, and each has its own answer", async () => {
    await using errand = await testErrand();
    const batches = batchesOf(errand);
    const api = createApi(errand, { open: true });
    const post = async (body: unknown): Promise<readonly [number, unknown]> => {
      const headers = { "content-type": "application/json" };
      const request = { method: "POST", headers, body: JSON.stringify(body) };
      const answer = await api.request("/v1/jobs", request);
      const { payload, code } = await answer.json();
      return [answer.status, payload ?? code];
    };
    await post({ task: "t" }); // what answers is loaded
    batches.length = 0;
    const bodies = Array.from({ length: 20 }, (_, at) => ({ task: "t", payload: at }));
    const answers = await Promise.all([...bodies, { task: 7 }].map(post));
    expect(answers).toEqual([
      ...bodies.map(({ payload }) => [201, payload]),
      [400, "INVALID_INPUT"],
    ]);
    expect(batches).toEqual([20]);
  });

  it("wait for those that come a little later", async () => {
    await using errand = await testErrand();
    const batches = batchesOf(errand);
    const api = createApi(errand, { open: true });
    const headers = { "content-type": "application/json" };
    const post = async (): Promise<number> =>
      (await api.request("/v1/jobs", { method: "POST", headers, body: `{"task":"t"}` })).status;
    await post(); // what answers is loaded
    const later = gate();
    errand.clock.turn = () => later.opened;
    const first = post();
    await someTurns();
    const second = post();
    await someTurns();
    expect(batches).toEqual([1]);
    later.open();
    expect(await Promise.all([first, second])).toEqual([201, 201]);
    expect(batches).toEqual([1, 2]);
  });
});
