// What is loaded when it is first used.
import { describe, expect, it } from "vitest";
import { kept, lazy } from "../src/lazy.ts";

describe("what is kept", () => {
  it("is loaded at the first call, and then at hand at once", async () => {
    let loads = 0;
    const value = kept(() => Promise.resolve({ loads: ++loads }));
    expect(loads).toBe(0);
    expect(await value()).toEqual({ loads: 1 });
    expect(value()).toEqual({ loads: 1 });
  });

  it("is loaded again when that has failed", async () => {
    let loads = 0;
    const value = kept(() => loads++ === 0 ? Promise.reject(new Error("cut off")) : load());
    const load = () => Promise.resolve("there");
    await expect(Promise.resolve(value())).rejects.toThrow("cut off");
    expect(await value()).toBe("there");
  });
});

describe("lazy verbs", () => {
  it("are those of one thing, which is made with the first call", async () => {
    let made = 0;
    class Counter {
      #n = 0;
      constructor() {
        made++;
      }
      add(n: number): Promise<number> {
        return Promise.resolve(this.#n += n);
      }
    }
    const counter = lazy(() => Promise.resolve(new Counter()), { add: 1 });
    expect(made).toBe(0);
    expect(await counter.add(2)).toBe(2);
    expect(await counter.add(3)).toBe(5);
    expect(made).toBe(1);
  });

  it("called at the same time go in their order, to one thing", async () => {
    const makes: number[] = [];
    const order: string[] = [];
    const load = () => {
      makes.push(makes.length);
      const which = makes.length;
      return Promise.resolve({ say: (word: string) => Promise.resolve(order.push(word + which)) });
    };
    const speaker = lazy(load, { say: 1 });
    await Promise.all(["a", "b"].map((word) => speaker.say(word)));
    expect(order).toEqual(["a1", "b1"]);
  });
});
