import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../src/clock.ts";
import { newId } from "../src/id.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("ids", () => {
  it("are UUIDs of version 7, of the time of their making", () => {
    const beforeMs = Date.now();
    const id = newId();
    expect(id).toMatch(UUID_V7);
    const ms = parseInt(id.replaceAll("-", "").slice(0, 12), 16);
    expect(ms).toBeGreaterThanOrEqual(beforeMs);
    expect(ms).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it("strictly increase, and 100,000 of them differ", () => {
    const ids = Array.from({ length: 100_000 }, newId);
    expect(ids.every((id) => UUID_V7.test(id))).toBe(true);
    expect(ids.every((id, index) => index === 0 || id > ids[index - 1]!)).toBe(true);
    expect(new Set(ids.map((id) => id.slice(-17))).size).toBe(100_000); // the random part alone
  });

  it("increase also when the clock goes back or stands still", () => {
    const now = vi.spyOn(systemClock, "now");
    try {
      const startMs = Date.now();
      const ids = [startMs, startMs, startMs - 30_000, startMs - 1, startMs + 1].map((ms) => {
        now.mockReturnValue(ms);
        return newId();
      });
      now.mockReturnValue(startMs + 1);
      for (let i = 0; i < 10_000; i++) ids.push(newId());
      expect(ids).toEqual([...ids].sort());
      expect(new Set(ids).size).toBe(ids.length);
    } finally {
      now.mockRestore();
    }
  });

  it("have bits of chance in every place that is for them", () => {
    const ids = Array.from({ length: 2_000 }, newId);
    for (let place = 20; place < 36; place++) {
      if (place === 23) continue; // the hyphen
      expect(new Set(ids.map((id) => id[place])).size, `place ${place}`).toBe(16);
    }
    expect(new Set(ids.map((id) => id[19])).size).toBe(4);
  });
});
