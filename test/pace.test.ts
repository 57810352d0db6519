import { describe, expect, it } from "vitest";
import { Pace } from "../src/pace.ts";
import { FakeClock } from "../src/testing/mod.ts";

const MOST_MS = 5_000;

function pauses(pace: Pace, count: number): number[] {
  return Array.from({ length: count }, () => pace.pauseMs());
}

describe("the pauses of who looks at a database", () => {
  it("that is silent grow from a quarter of a second to the most", () => {
    const some = pauses(new Pace(new FakeClock(), MOST_MS, true), 20);
    expect(some[0]).toBeLessThan(300);
    expect(some.at(-1)).toBeGreaterThan(MOST_MS * 0.89);
    expect(Math.max(...some)).toBeLessThanOrEqual(MOST_MS * 1.1);
    for (const [at, ms] of some.slice(1, 7).entries()) expect(ms).toBeGreaterThan(some[at]!);
  });

  it("that is silent are short again when something happened", () => {
    const pace = new Pace(new FakeClock(), MOST_MS, true);
    pauses(pace, 20);
    pace.quicken();
    expect(pace.pauseMs()).toBeLessThan(300);
  });

  it("that tells of commits are the longest from the first", () => {
    for (const ms of pauses(new Pace(new FakeClock(), MOST_MS), 5)) {
      expect(ms).toBeGreaterThan(MOST_MS * 0.89);
    }
  });

  it("are never longer than the most, however short that is", () => {
    for (const ms of pauses(new Pace(new FakeClock(), 100, true), 5)) {
      expect(ms).toBeLessThanOrEqual(110);
    }
  });
});
