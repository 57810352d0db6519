import { describe, expect, it } from "vitest";
import { Slots } from "../src/slots.ts";

const limits = (slots: Slots, cap = Infinity) => {
  const wanted = slots.wanted(cap);
  return wanted &&
    [wanted.limit, Object.fromEntries(wanted.queues.map((of) => [of.queue, of.limit]))];
};

/** Claims a job of `queue` and, if there is a slot, runs it. */
function claim(slots: Slots, queue: string): boolean {
  slots.hold(queue);
  return slots.take(queue);
}

function end(slots: Slots, queue: string, tookMs: number): void {
  slots.free(queue, tookMs);
  slots.letGo(queue);
}

describe("slots", () => {
  it("ask for as many jobs as there is room, in all and by queue", () => {
    const slots = new Slots({ queues: { a: 2, b: 5 }, concurrency: 4 }, () => []);
    expect(limits(slots)).toEqual([4, { a: 2, b: 4 }]);
    claim(slots, "a");
    claim(slots, "a");
    expect(limits(slots)).toEqual([2, { b: 2 }]);
    expect(limits(slots, 1)).toEqual([1, { b: 1 }]);
    claim(slots, "b");
    claim(slots, "b");
    expect(limits(slots)).toBeUndefined();
    end(slots, "a", 10_000);
    expect(limits(slots)).toEqual([1, { a: 1, b: 1 }]);
  });

  it("let no more jobs run than they have", () => {
    const slots = new Slots({ queues: { a: 2, b: 2 }, concurrency: 3 }, () => []);
    expect([claim(slots, "a"), claim(slots, "a"), claim(slots, "a")]).toEqual([true, true, false]);
    expect([claim(slots, "b"), claim(slots, "b")]).toEqual([true, false]);
    expect([slots.running, slots.held]).toEqual([3, 5]);
  });

  it("claim nothing ahead before they know how long an attempt takes", () => {
    const slots = new Slots({ concurrency: 2, prefetch: 50 }, () => ["q"]);
    expect(limits(slots)?.[0]).toBe(2);
  });

  it("claim ahead what would begin within 100 ms, and no more than the prefetch", () => {
    const after = (tookMs: number, prefetch?: number, distant?: boolean) => {
      const options = prefetch === undefined ? {} : { prefetch };
      const slots = new Slots({ concurrency: 2, ...options }, () => ["q"], distant);
      claim(slots, "q");
      end(slots, "q", tookMs);
      return limits(slots)?.[0];
    };
    expect(after(10_000)).toBe(2);
    expect(after(100, 50)).toBe(4);
    expect(after(10, 50)).toBe(22);
    expect(after(0, 50)).toBe(52);
    expect(after(0)).toBe(102);
    expect(after(0, undefined, true)).toBe(202);
    expect(after(0, 0)).toBe(2);
  });

  it("serve the queues of the tasks that there are now, unless told which", () => {
    const queues = ["a"];
    const slots = new Slots({}, () => queues);
    expect(limits(slots)).toEqual([10, { a: 10 }]);
    queues.push("b");
    expect(limits(slots)).toEqual([10, { a: 10, b: 10 }]);
    expect(new Slots({ queues: ["x"] }, () => queues).queues()).toEqual(["x"]);
    expect(limits(new Slots({}, () => []))).toBeUndefined();
  });

  it("are as many in all as their queues have together, unless told otherwise", () => {
    expect(limits(new Slots({ queues: { a: 3, b: 4 } }, () => []))?.[0]).toBe(7);
    expect(limits(new Slots({ queues: ["a", "b"], concurrency: 3 }, () => [])))
      .toEqual([3, { a: 3, b: 3 }]);
  });
});
