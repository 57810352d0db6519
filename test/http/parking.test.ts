// Where requests wait for work: who is served, in which order, and how often anyone looks.
import { describe, expect, it } from "vitest";
import type { WaitingAnswer, WaitingRequest } from "../../src/broker.ts";
import { Events } from "../../src/events.ts";
import { Parking, type Wish } from "../../src/http/parking.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { Wake } from "../../src/wake.ts";
import { gate } from "../support/gate.ts";

interface Lot extends AsyncDisposable {
  readonly parking: Parking;
  readonly clock: FakeClock;
  readonly wake: Wake;
  readonly looks: WaitingRequest[];
  readonly errors: unknown[];
  /** How many jobs each queue holds. */
  readonly jobs: Map<string, number>;
  nextDueMs: number | undefined;
  broken: Error | undefined;
  /** What has come of those who wait, by their names. */
  readonly ends: Map<string, boolean>;
  park(name: string, wish?: Partial<Wish>): void;
  /** Jobs come. */
  add(count: number, queue?: string): Promise<void>;
}

function openLot(): Lot {
  const clock = new FakeClock();
  const wake = new Wake(clock);
  const errors: unknown[] = [];
  const events = new Events(() => {});
  events.on("error", ({ error }) => errors.push(error));
  const waiting = (request: WaitingRequest): Promise<WaitingAnswer> => {
    lot.looks.push(request);
    if (lot.broken !== undefined) return Promise.reject(lot.broken);
    const jobs = request.queues.map((queue) =>
      [queue, Math.min(request.most, lot.jobs.get(queue) ?? 0)] as const
    );
    const { nextDueMs } = lot;
    const ahead = request.promote || nextDueMs === undefined ? {} : { nextDueMs };
    return Promise.resolve({ jobs: new Map(jobs), ...ahead });
  };
  const unused = () => Promise.reject(new Error("not asked for here"));
  const api = {
    ...{ waiting, enqueueOnce: unused, pruneRequests: unused, standing: unused },
    ...{ leaseLeftMs: unused, leaseQueues: unused },
    ...{ retryOnce: unused, beginOnce: unused, endOnce: unused },
  };
  const parking = new Parking({ broker: {}, api, clock, events, wake });
  const lot: Lot = {
    ...{ parking, clock, wake, errors, looks: [], jobs: new Map(), ends: new Map() },
    nextDueMs: undefined,
    broken: undefined,
    park(name, wish = {}) {
      const signal = new AbortController().signal;
      void parking.park({ queues: ["q"], waitMs: 60_000, signal, ...wish })
        .then((served) => lot.ends.set(name, served));
    },
    async add(count, queue = "q") {
      lot.jobs.set(queue, (lot.jobs.get(queue) ?? 0) + count);
      wake.signal("work");
      await clock.advance(2);
    },
    [Symbol.asyncDispose]: () => parking.close(),
  };
  return lot;
}

/** One who takes so many jobs of the queue, as far as there are. */
function taker(lot: Lot, count = 1): Pick<Wish, "take"> {
  return {
    take: () => {
      const n = Math.min(count, lot.jobs.get("q") ?? 0);
      lot.jobs.set("q", (lot.jobs.get("q") ?? 0) - n);
      return Promise.resolve(Array.from({ length: n }, () => "q"));
    },
  };
}

describe("those who wait", () => {
  it("share one look, and none is made while nothing happens", async () => {
    await using lot = openLot();
    for (let n = 0; n < 1_000; n++) lot.park(`${n}`);
    await lot.clock.advance(5);
    expect(lot.looks).toHaveLength(2); // for the first one, and for those who came meanwhile
    await lot.clock.advance("4s");
    for (let n = 0; n < 1_000; n++) lot.park(`later ${n}`);
    await lot.clock.advance(1);
    expect(lot.looks).toHaveLength(2);
    await lot.clock.advance("1s"); // the backstop
    expect(lot.looks).toHaveLength(3);
  });

  it("are told in the order of their coming, and no more of them than there are jobs", async () => {
    await using lot = openLot();
    for (const name of ["a", "b", "c", "d"]) lot.park(name);
    await lot.add(2);
    expect([...lot.ends]).toEqual([["a", true], ["b", true]]);
  });

  it("are not told of jobs that others were told of, until those had their time", async () => {
    await using lot = openLot();
    for (const name of ["a", "b", "c"]) lot.park(name);
    await lot.add(1);
    expect([...lot.ends.keys()]).toEqual(["a"]);
    await lot.add(1);
    expect([...lot.ends.keys()]).toEqual(["a", "b"]);
    await lot.clock.advance(300); // nobody has come for any of the two
    expect([...lot.ends.keys()]).toEqual(["a", "b", "c"]);
  });

  it("are told at once of another job when whoever was told has come", async () => {
    await using lot = openLot();
    for (const name of ["a", "b"]) lot.park(name);
    await lot.add(1);
    lot.jobs.set("q", 0);
    lot.parking.arrived(["q"]);
    await lot.add(1);
    expect([...lot.ends.keys()]).toEqual(["a", "b"]);
  });

  it("take in turn, each only when something is left", async () => {
    await using lot = openLot();
    let tries = 0;
    const counted = (count: number): Pick<Wish, "take"> => {
      const { take } = taker(lot, count);
      return { take: () => (tries++, take!()) };
    };
    for (const name of ["a", "b", "c", "d"]) lot.park(name, counted(2));
    await lot.add(3);
    expect([...lot.ends]).toEqual([["a", true], ["b", true]]);
    expect(tries).toBe(2);
  });

  it("are not tried in a row when another process was faster", async () => {
    await using lot = openLot();
    let tries = 0;
    const take = () => (tries++, lot.jobs.set("q", 0), Promise.resolve([]));
    for (const name of ["a", "b", "c"]) lot.park(name, { take });
    await lot.add(3);
    expect([tries, lot.ends.size]).toEqual([1, 0]);
  });

  it("for other queues are left alone", async () => {
    await using lot = openLot();
    lot.park("a", { queues: ["other"] });
    lot.park("b", { queues: ["other", "q"] });
    await lot.add(1);
    expect([...lot.ends.keys()]).toEqual(["b"]);
  });

  it("leave when their time is over, when they are gone, and when it closes", async () => {
    await using lot = openLot();
    const gone = new AbortController();
    lot.park("late", { waitMs: 1_000 });
    lot.park("gone", { signal: gone.signal });
    lot.park("left");
    await lot.clock.advance("1s");
    gone.abort();
    await lot.clock.advance(1);
    expect([...lot.ends]).toEqual([["late", false], ["gone", false]]);
    await lot.parking.close();
    lot.park("closed");
    await lot.clock.advance(1);
    expect([...lot.ends.keys()]).toEqual(["late", "gone", "left", "closed"]);
    expect(lot.parking.size).toBe(0);
  });

  it("do not leave while jobs are taken for them", async () => {
    await using lot = openLot();
    const taking = gate();
    lot.park("a", {
      waitMs: 1_000,
      take: async () => {
        await taking.opened;
        return ["q"];
      },
    });
    await lot.add(1);
    await lot.clock.advance("2s");
    expect(lot.ends.size).toBe(0);
    taking.open();
    await lot.clock.advance(1);
    expect([...lot.ends]).toEqual([["a", true]]);
  });

  it("are served what falls due, which a look makes available", async () => {
    await using lot = openLot();
    lot.nextDueMs = 5;
    lot.park("a");
    await lot.clock.advance(1);
    lot.nextDueMs = 0;
    lot.jobs.set("q", 1);
    await lot.clock.advance(10);
    expect(lot.looks.map(({ promote }) => promote)).toEqual([false, false, true]);
    expect([...lot.ends.keys()]).toEqual(["a"]);
  });

  it("wait on when a look fails, and are looked for again", async () => {
    await using lot = openLot();
    lot.broken = new Error("no database");
    lot.park("a");
    await lot.clock.advance(1);
    expect(lot.errors).toEqual([lot.broken]);
    lot.broken = undefined;
    lot.jobs.set("q", 1);
    await lot.clock.advance("1s");
    expect([...lot.ends.keys()]).toEqual(["a"]);
  });

  it("hear of what fails when it is taken for them", async () => {
    await using lot = openLot();
    const error = new Error("no database");
    const { signal } = new AbortController();
    const take = () => Promise.reject(error);
    const parked = lot.parking.park({ queues: ["q"], waitMs: 9_000, signal, take });
    const refused = expect(parked).rejects.toBe(error);
    await lot.add(1);
    await refused;
  });

  it("are looked for at once when they come for what is not known to be empty", async () => {
    await using lot = openLot();
    lot.park("a");
    await lot.clock.advance("1s");
    expect(lot.parking.isEmpty(["q"])).toBe(true);
    expect(lot.parking.isEmpty(["q", "r"])).toBe(false);
    lot.jobs.set("r", 1);
    lot.park("b", { queues: ["q", "r"] });
    await lot.clock.advance(1);
    expect([...lot.ends.keys()]).toEqual(["b"]);
  });

  it("end all looks when the last one has gone", async () => {
    await using lot = openLot();
    lot.park("a", { waitMs: 1_000 });
    await lot.clock.advance("1s");
    const { length } = lot.looks;
    await lot.add(1);
    await lot.clock.advance("1m");
    expect(lot.looks).toHaveLength(length);
  });
});
