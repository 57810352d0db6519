// A16: when a series has its occurrences, above all where the clocks change.
import { beforeAll, describe, expect, it } from "vitest";
import {
  checkCron,
  checkTimeZone,
  cronReady,
  due,
  following,
  type Rule,
  type Timing,
} from "../src/recurrence.ts";

beforeAll(cronReady);

const BERLIN = "Europe/Berlin";
const NEW_YORK = "America/New_York";

/** The first occurrences after an instant, as UTC. */
function times(rule: Rule, after: string, count: number): string[] {
  const timing: Timing = { rule, startMs: 0, endMs: null };
  const found: string[] = [];
  let ms = Date.parse(after);
  while (found.length < count) {
    ms = following(timing, ms, {})!;
    found.push(new Date(ms).toISOString().slice(5, 16));
  }
  return found;
}

describe("A16: a fixed time of day, where the clocks change", () => {
  it.each([
    ["of spring in Berlin is made up after the gap", "30 2 * * *", BERLIN, "2026-03-28T00:00Z", [
      "03-28T01:30",
      "03-29T01:00",
      "03-30T00:30",
    ]],
    ["of autumn in Berlin comes once, the first time", "30 2 * * *", BERLIN, "2026-10-24T00:00Z", [
      "10-24T00:30",
      "10-25T00:30",
      "10-26T01:30",
    ]],
    ["of spring in New York is made up", "30 2 * * *", NEW_YORK, "2026-03-07T00:00Z", [
      "03-07T07:30",
      "03-08T07:00",
      "03-09T06:30",
    ]],
    ["of autumn in New York comes once", "30 1 * * *", NEW_YORK, "2026-10-31T00:00Z", [
      "10-31T05:30",
      "11-01T05:30",
      "11-02T06:30",
    ]],
    ["in a list of hours is made up too", "30 2,14 * * *", BERLIN, "2026-03-28T12:00Z", [
      "03-28T13:30",
      "03-29T01:00",
      "03-29T12:30",
    ]],
    ["in a list of hours comes once too", "30 2,14 * * *", BERLIN, "2026-10-24T14:00Z", [
      "10-25T00:30",
      "10-25T13:30",
      "10-26T01:30",
    ]],
    ["stays at its hour outside the change", "0 9 * * *", BERLIN, "2026-03-28T00:00Z", [
      "03-28T08:00",
      "03-29T07:00",
      "03-30T07:00",
    ]],
  ])("%s", (_, cron, timeZone, after, expected) => {
    expect(times({ cron, timeZone }, after, expected.length)).toEqual(expected);
  });
});

describe("A16: a repeated time, where the clocks change", () => {
  it.each([
    ["leaves out the hour that spring leaves out", "0,30 * * * *", BERLIN, "2026-03-29T00:00Z", [
      "03-29T00:30",
      "03-29T01:00",
      "03-29T01:30",
    ]],
    ["comes in both hours of autumn in Berlin", "*/30 2 * * *", BERLIN, "2026-10-24T12:00Z", [
      "10-25T00:00",
      "10-25T00:30",
      "10-25T01:00",
      "10-25T01:30",
      "10-26T01:00",
    ]],
    ["comes in both hours of autumn in New York", "*/30 1 * * *", NEW_YORK, "2026-10-31T12:00Z", [
      "11-01T05:00",
      "11-01T05:30",
      "11-01T06:00",
      "11-01T06:30",
      "11-02T06:00",
    ]],
    ["leaves out the gap in New York", "*/30 2 * * *", NEW_YORK, "2026-03-07T12:00Z", [
      "03-09T06:00",
      "03-09T06:30",
    ]],
  ])("%s", (_, cron, timeZone, after, expected) => {
    expect(times({ cron, timeZone }, after, expected.length)).toEqual(expected);
  });

  it("by every is a length of time, and the clocks do not matter", () => {
    const timing = { rule: { everyMs: 86_400_000 }, startMs: Date.parse("2026-03-28T08:00Z") };
    const next = following({ ...timing, endMs: null }, Date.parse("2026-03-28T09:00Z"), {});
    expect(new Date(next!).toISOString()).toBe("2026-03-29T08:00:00.000Z");
  });
});

describe("A16: the occurrence after an instant", () => {
  const rule = { everyMs: 7_000 };

  it("of a grid is the next point of it, never the same one", () => {
    const timing = { rule, startMs: 1_000, endMs: null };
    const after = (ms: number) => following(timing, ms, {});
    expect([0, 999, 1_000, 1_001, 7_999, 8_000].map(after)).toEqual([
      ...[1_000, 1_000, 8_000, 8_000, 8_000, 15_000],
    ]);
  });

  it("of a cron text is later, also by a millisecond before and after", () => {
    const timing = { rule: { cron: "0 9 * * *", timeZone: "UTC" }, startMs: 0, endMs: null };
    const nine = Date.parse("2026-01-01T09:00Z");
    const after = (ms: number) => following(timing, ms, {});
    expect([nine - 1, nine, nine + 1].map(after)).toEqual([
      nine,
      nine + 86_400_000,
      nine + 86_400_000,
    ]);
    expect(following({ ...timing, startMs: nine }, 0, {})).toBe(nine);
  });

  it("is none after the end, which is itself included", () => {
    const timing = { rule, startMs: 0, endMs: 14_000 };
    expect(following(timing, 7_000, {})).toBe(14_000);
    expect(following(timing, 14_000, {})).toBeUndefined();
  });

  it("that is the latest of very many is found in steps", () => {
    const timing = { rule: { next: "second" }, startMs: 0, endMs: null };
    const functions = { second: (previous: Date) => new Date(previous.getTime() + 1_000) };
    const options = { nowMs: 1_500_500, catchUp: "latest", limit: 10, functions } as const;
    const first = due(timing, 1_000, options);
    expect(first.occurrences).toEqual([]);
    expect(due(timing, first.nextMs!, options)).toEqual({
      ...{ occurrences: [1_500_000], nextMs: 1_501_000 },
    });
  });

  it.each([
    ["30 2 * * *", BERLIN, "2026-03-28T00:00Z"],
    ["30 2 * * *", BERLIN, "2026-10-24T00:00Z"],
    ["*/20 1-2 * * *", NEW_YORK, "2026-10-31T12:00Z"],
    ["30 1,2 * * *", NEW_YORK, "2026-03-07T12:00Z"],
  ])("of %j in %s that is the latest is the one a walk would come to", (cron, timeZone, from) => {
    const timing = { rule: { cron, timeZone }, startMs: 0, endMs: null };
    const startMs = following(timing, Date.parse(from), {})!;
    let walkedMs = startMs;
    for (let nowMs = startMs; nowMs < startMs + 3 * 86_400_000; nowMs += 599_500) {
      const nextMs = following(timing, walkedMs, {})!;
      if (nextMs <= nowMs) walkedMs = nextMs;
      const options = { nowMs, catchUp: "latest", limit: 1, functions: {} } as const;
      expect(due(timing, startMs, options).occurrences).toEqual([walkedMs]);
    }
  });

  it("counts as missed a minute after its time", () => {
    const timing = { rule: { everyMs: 3_600_000 }, startMs: 0, endMs: null };
    const at = (nowMs: number) =>
      due(timing, 0, { nowMs, catchUp: "none", limit: 10, functions: {} }).occurrences;
    expect([at(60_000), at(60_001), at(3_600_000)]).toEqual([[0], [], [3_600_000]]);
  });
});

describe("A16: a cron text that cannot be read", () => {
  it.each([
    ["61 * * * *", "minute"],
    ["0 25 * * *", "hour"],
    ["0 0 32 * *", "day of month"],
    ["0 0 * 13 *", "month"],
    ["0 0 * * 8", "day of week"],
    ["60 0 0 * * *", "second"],
    ["0 noon * * *", "hour"],
    ["*/0 * * * *", "minute"],
    ["5-1 * * * *", "minute"],
    ["0 ? * * *", "hour"], // it would mean the hour at which the text is read
  ])("%j is refused for its %s", (cron, field) => {
    expect(() => checkCron(cron, "UTC")).toThrow(`its ${field} ("`);
  });

  it("is refused for each field that is wrong", () => {
    expect(() => checkCron("0 25 * 13 *", "UTC")).toThrow(/its hour \("25"\) and its month/);
  });

  it.each([
    "",
    "* *",
    "2030-01-01T00:00:00",
    "* * * * * * 2030",
    "@sometimes",
    5 as never,
    null as never,
  ])(
    "%j is refused for its shape",
    (cron) => expect(() => checkCron(cron, "UTC")).toThrow(/five/),
  );

  it("is refused when its day never comes", () => {
    expect(() => checkCron("0 0 31 2 *", "UTC")).toThrow(/such a day never comes/);
  });

  it.each(["* * * * *", "*/5 9-17 * * MON-FRI", "0 0 1 JAN *", "30 0 0 * * *", "@daily"])(
    "%j is none of them",
    (cron) => expect(() => checkCron(cron, BERLIN)).not.toThrow(),
  );
});

it.each(["Mars/Olympus", "", "+01:00", 1 as never, null as never])(
  "A16: %j is no time zone",
  (zone) => expect(() => checkTimeZone(zone)).toThrow(/IANA/),
);
