import { describe, expect, it } from "vitest";
import { Loop } from "../src/loop.ts";
import { FakeClock } from "../src/testing/mod.ts";
import { gate } from "./support/gate.ts";

describe("a loop", () => {
  it("rests between its turns for as long as the body says", async () => {
    const clock = new FakeClock();
    const turns: number[] = [];
    const loop = new Loop(clock, () => {
      turns.push(clock.elapsedMs());
      return Promise.resolve(turns.length * 100);
    });
    loop.start();
    loop.start();
    await clock.advance(1_000);
    await loop.stop();
    expect(turns).toEqual([0, 100, 300, 600, 1_000]);
  });

  it("turns at once when it is woken, and once however often", async () => {
    const clock = new FakeClock();
    let turns = 0;
    const loop = new Loop(clock, () => Promise.resolve(++turns * 0 + 10_000));
    loop.start();
    await clock.advance(1);
    for (let i = 0; i < 5; i++) loop.wake();
    await clock.advance(1);
    expect(turns).toBe(2);
    await loop.stop();
  });

  it("turns again right after a turn in which it was woken, and never two at once", async () => {
    const clock = new FakeClock();
    const gates = [gate(), gate(), gate()];
    let turns = 0;
    let inside = 0;
    const loop = new Loop(clock, async () => {
      expect(++inside).toBe(1);
      await gates[turns++]!.opened;
      inside--;
      return 10_000;
    });
    loop.start();
    loop.wake();
    await clock.advance(1);
    expect(turns).toBe(1);
    gates[0]!.open();
    await clock.advance(1);
    expect(turns).toBe(2);
    gates[1]!.open();
    await clock.advance(1);
    expect(turns).toBe(2);
    await loop.stop();
  });

  it("stops after the turn that runs, and begins none after that", async () => {
    const clock = new FakeClock();
    const running = gate();
    let turns = 0;
    const loop = new Loop(clock, async () => {
      turns++;
      await running.opened;
      return 0;
    });
    loop.start();
    let stopped = false;
    const stopping = loop.stop().then(() => stopped = true);
    await clock.advance(1);
    expect(stopped).toBe(false);
    running.open();
    await stopping;
    loop.wake();
    await clock.advance(10_000);
    expect(turns).toBe(1);
    await loop.stop();
  });

  it("that was never started stops at once, and lets the event loop run between turns", async () => {
    const clock = new FakeClock();
    await new Loop(clock, () => Promise.resolve(0)).stop();
    let turns = 0;
    const busy = new Loop(clock, () => Promise.resolve(++turns && 0));
    busy.start();
    busy.wake();
    await clock.turn(); // would never come if the loop took no breath
    await busy.stop();
    expect(turns).toBeGreaterThan(0);
  });
});
