import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_RETRY, retryDelayMs, retryPolicy } from "../src/backoff.ts";
import { jobError } from "./support/jobs.ts";

const none = (): number => 0;
const delays = (policy: Parameters<typeof retryDelayMs>[0], n = 4) =>
  Array.from({ length: n }, (_, i) => retryDelayMs(policy, i + 1, jobError(), none));

const delayMs = fc.nat(100_000);
const attempt = fc.integer({ min: 1, max: 1_000 });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("the wait before a retry", () => {
  it("without growth is d, d, d", () => {
    fc.assert(fc.property(delayMs, (d) => {
      expect(delays({ delayMs: d, backoff: "none", maxDelayMs: 1e12 })).toEqual([d, d, d, d]);
    }));
  });

  it("with linear growth is d, 2d, 3d", () => {
    fc.assert(fc.property(delayMs, (d) => {
      const grown = [d, 2 * d, 3 * d, 4 * d];
      expect(delays({ delayMs: d, backoff: "linear", maxDelayMs: 1e12 })).toEqual(grown);
    }));
  });

  it("with exponential growth is d, 2d, 4d", () => {
    fc.assert(fc.property(delayMs, (d) => {
      const grown = [d, 2 * d, 4 * d, 8 * d];
      expect(delays({ delayMs: d, backoff: "exponential", maxDelayMs: 1e12 })).toEqual(grown);
    }));
  });

  it("is never longer than its cap and the jitter on it, at any attempt", () => {
    const growth = fc.constantFrom("none", "linear", "exponential" as const);
    const jitter = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(fc.property(
      ...[delayMs, delayMs, growth, jitter, attempt, chance] as const,
      (delayMs, maxDelayMs, backoff, jitter, attempt, random) => {
        const policy = { delayMs, maxDelayMs, backoff, jitter };
        const ms = retryDelayMs(policy, attempt, jobError(), () => random);
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeLessThanOrEqual(Math.ceil(maxDelayMs * (1 + jitter)));
        expect(ms).toBeGreaterThanOrEqual(Math.min(delayMs, maxDelayMs));
      },
    ));
  });

  it("has up to its jitter added by chance, and nothing taken away", () => {
    const of = (random: number) =>
      retryDelayMs({ delayMs: 1_000, jitter: 0.5 }, 1, jobError(), () => random);
    expect([of(0), of(0.5), of(0.999999)]).toEqual([1_000, 1_250, 1_500]);
    fc.assert(fc.property(chance, (random) => {
      expect(of(random)).toBeGreaterThanOrEqual(1_000);
      expect(of(random)).toBeLessThanOrEqual(1_500);
    }));
  });

  it("is a second, doubled up to an hour, where nothing is said", () => {
    expect(delays({}, 3)).toEqual([1_000, 2_000, 4_000]);
    expect(retryDelayMs({}, 999, jobError(), none)).toBe(DEFAULT_RETRY.maxDelayMs);
  });

  it("can be decided by a function of the attempt and its error, under the same cap", () => {
    const seen: unknown[] = [];
    const policy = retryPolicy({
      delay: (attempt, error) => {
        seen.push([attempt, error.message]);
        return attempt === 2 ? "5h" : attempt * 10;
      },
      maxDelay: "1h",
      jitter: 0,
    }, "retry");
    expect(delays(policy, 3)).toEqual([10, 3_600_000, 30]);
    expect(seen).toEqual([[1, "It broke"], [2, "It broke"], [3, "It broke"]]);
  });

  it("refuses what a function returns when it is no duration", () => {
    const policy = retryPolicy({ delay: () => "soon" as never }, "retry");
    expect(() => delays(policy)).toThrow(/^Cannot use "soon" as the delay that retry\.delay/);
  });
});

describe("a retry policy", () => {
  it("says only what it was told", () => {
    expect(retryPolicy({}, "retry")).toEqual({});
    expect(retryPolicy({ delay: "5s", maxDelay: "1m", maxAttempts: 3 }, "retry"))
      .toEqual({ delayMs: 5_000, maxDelayMs: 60_000, maxAttempts: 3 });
  });

  it.each([
    [{ maxAttempts: 0 }, /maxAttempts: it counts all attempts/],
    [{ maxAttempts: 1.5 }, /maxAttempts/],
    [{ maxAttempts: 1_001 }, /maxAttempts/],
    [{ backoff: "cubic" }, /"cubic" as retry\.backoff/],
    [{ jitter: -0.1 }, /-0\.1 as retry\.jitter: it is a fraction from 0 to 1/],
    [{ jitter: 1.1 }, /jitter/],
    [{ jitter: NaN }, /jitter/],
    [{ delay: "x" }, /retry\.delay/],
    [{ maxDelay: -1 }, /retry\.maxDelay/],
  ])("is not %j", (options, message) => {
    expect(() => retryPolicy(options as never, "retry"))
      .toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(() => retryPolicy(options as never, "retry")).toThrow(message);
  });
});
