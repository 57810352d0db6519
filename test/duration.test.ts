import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Duration, DURATION_MAX_MS, durationMs, instantMs } from "../src/duration.ts";

describe("a duration", () => {
  it.each(
    [
      ["250ms", 250],
      ["5s", 5_000],
      ["1.5s", 1_500],
      ["10m", 600_000],
      ["2h", 7_200_000],
      ["7d", 604_800_000],
      ["0s", 0],
      [0, 0],
      [1.4, 1],
      [1.6, 2],
      ["0.4ms", 0],
      [DURATION_MAX_MS, DURATION_MAX_MS],
    ] as const,
  )("%j is %d ms", (value, ms) => expect(durationMs(value, "delay")).toBe(ms));

  it.each([
    ...["", "5", "s", "5 s", "5sec", "-5s", "1e3ms", "5S", "1,5s", "٥s", "5s5s", "NaNms"],
    ...[-1, NaN, Infinity, DURATION_MAX_MS + 1, "36501d"],
    ...[null, undefined, {}, [], true, 5n, new Date(5)],
  ])("is not %s", (value) => {
    expect(() => durationMs(value as never, "delay")).toThrow(
      expect.objectContaining({
        code: "INVALID_INPUT",
        message: expect.stringMatching(/^Cannot use .* as delay: a duration is "250ms", "5s"/),
      }),
    );
  });

  it("of n units is n times the unit", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    fc.assert(fc.property(
      fc.nat(36_500),
      fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
      (n, unit) => durationMs(`${n}${unit}` as Duration, "x") === n * units[unit],
    ));
  });
});

describe("an instant", () => {
  const MS = Date.UTC(2030, 0, 31, 9, 0, 0);

  it.each([
    [new Date(MS), MS],
    [MS, MS],
    ["2030-01-31T09:00:00Z", MS],
    ["2030-01-31T09:00Z", MS],
    ["2030-01-31T10:00:00+01:00", MS],
    ["2030-01-31T04:00:00.500-0500", MS + 500],
    [0, 0],
  ])("%j is %d", (value, ms) => expect(instantMs(value, "runAt")).toBe(ms));

  it.each([
    ...["", "tomorrow", "2030-01-31", "2030-01-31T09:00:00", "2030-13-01T00:00:00Z"],
    ...["31.01.2030", "2030-01-31 09:00:00Z", `${MS}`],
    ...[NaN, -1, Infinity, 1e17, new Date(NaN), new Date(-1), null, undefined, {}, 5n],
  ])("is not %s", (value) => {
    expect(() => instantMs(value as never, "runAt")).toThrow(
      expect.objectContaining({
        code: "INVALID_INPUT",
        message: expect.stringMatching(/^Cannot use .* as runAt: an instant is a Date, ISO 8601/),
      }),
    );
  });
});
