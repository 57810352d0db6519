import { describe, expect, it } from "vitest";
import { Collector } from "../src/collector.ts";
import { type Gate, gate } from "./support/gate.ts";

/** A collector whose batches are written when the test says so. */
function controlled(): {
  readonly collector: Collector<number, string>;
  readonly batches: (readonly number[])[];
  readonly gates: Gate<string>[];
} {
  const batches: (readonly number[])[] = [];
  const gates: Gate<string>[] = [];
  const collector = new Collector<number, string>((items) => {
    batches.push([...items]);
    const next = gate<string>();
    gates.push(next);
    return next.opened;
  });
  return { collector, batches, gates };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("a collector", () => {
  it("writes what comes in one turn as one batch, in order", async () => {
    const { collector, batches, gates } = controlled();
    const adding = [collector.add([1]), collector.add([2, 3]), collector.add([4])];
    await turn();
    expect(batches).toEqual([[1, 2, 3, 4]]);
    gates[0]!.open("done");
    expect(await Promise.all(adding)).toEqual(["done", "done", "done"]);
  });

  it("gathers what comes while it writes, and never writes two batches at once", async () => {
    const { collector, batches, gates } = controlled();
    const first = collector.add([1]);
    await turn();
    const rest = [collector.add([2]), collector.add([3])];
    await turn();
    expect(batches).toEqual([[1]]);
    gates[0]!.open("first");
    expect(await first).toBe("first");
    await turn();
    expect(batches).toEqual([[1], [2, 3]]);
    gates[1]!.open("second");
    expect(await Promise.all(rest)).toEqual(["second", "second"]);
  });

  it("resolves no promise before its batch is written", async () => {
    const { collector, gates } = controlled();
    let written = false;
    const adding = collector.add([1]).then(() => written = true);
    await turn();
    expect(written).toBe(false);
    gates[0]!.open("now");
    await adding;
    expect(written).toBe(true);
  });

  it("fails the batch that failed and no other", async () => {
    let calls = 0;
    const collector = new Collector<number, number>(() => {
      if (++calls === 1) throw new Error("It broke");
      return Promise.resolve(calls);
    });
    const failing = [collector.add([1]), collector.add([2])];
    const results = await Promise.allSettled(failing);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await collector.add([3])).toBe(2);
  });

  it("is settled when all that was added is written, or has failed", async () => {
    const { collector, gates } = controlled();
    await collector.settled();
    const adding = collector.add([1]);
    let settled = false;
    const settling = collector.settled().then(() => settled = true);
    await turn();
    const later = collector.add([2]);
    expect(settled).toBe(false);
    gates[0]!.open("one");
    await adding;
    await turn();
    expect(settled).toBe(false);
    gates[1]!.open("two");
    await Promise.all([later, settling]);
  });

  it("writes the halves by themselves where some of several calls' items are refused", async () => {
    const written: (readonly number[])[] = [];
    const write = (items: readonly number[]): Promise<string> => {
      written.push([...items]);
      if (items.includes(13)) return Promise.reject(new RangeError(`refused ${items}`));
      return Promise.resolve(`wrote ${items}`);
    };
    const collector = new Collector(write, (error) => error instanceof RangeError);
    const adding = [collector.add([1, 2]), collector.add([13]), collector.add([4])];
    const settled = Promise.allSettled(adding);
    await turn();
    await collector.settled();
    expect(await settled).toEqual([
      { status: "fulfilled", value: "wrote 1,2" },
      { status: "rejected", reason: new RangeError("refused 13") },
      { status: "fulfilled", value: "wrote 4" },
    ]);
    expect(written).toEqual([[1, 2, 13, 4], [1, 2], [13, 4], [13], [4]]);
    await expect(collector.add([13, 14])).rejects.toThrow("refused 13,14");
    expect(written).toHaveLength(6);

    const many = Array.from({ length: 1_000 }, (_, n) => collector.add([n]));
    const refused = (await Promise.allSettled(many)).filter(({ status }) => status === "rejected");
    expect([refused.length, written.length - 6 < 25]).toEqual([1, true]);
  });
});
