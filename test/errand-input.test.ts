// Bad input: each refused with an ErrandError that says what cannot be done, why, and what to do.
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type ErrandOptions } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";

const input = v.object({ path: v.string(), size: v.object({ width: v.number() }) });
const resize = defineTask({ name: "resize", input, run: () => "done" });
const free = defineTask({ name: "free", run: () => "done" });

const never = <Value>(value: Value): never => value as never;
const cyclic: Record<string, unknown> = { name: "loop" };
cyclic.self = { again: cyclic };

const refused = (code: string, message: RegExp) => ({
  name: "ErrandError",
  code,
  message: expect.stringMatching(message),
});

/** Calls with bad input, and what their error's message says. */
const calls: Readonly<Record<string, readonly [(errand: Errand) => Promise<unknown>, RegExp]>> = {
  "an unknown task": [
    (errand) => errand.enqueue("resise", {}),
    /^Cannot enqueue "resise": this Errand knows no such task, only resize, free; register it$/,
  ],
  "an unknown task among many": [
    (errand) => errand.enqueueMany([{ task: "free" }, { task: "gone" }]),
    /^Cannot enqueue "gone": this Errand knows no such task/,
  ],
  "no task": [
    (errand) => errand.enqueue(never(undefined)),
    /^Cannot enqueue undefined: it is no task, nor the name of one$/,
  ],
  "what is no task": [
    (errand) => errand.enqueue(never({ name: "free" }), 1),
    /^Cannot enqueue \{"name":"free"\}: it is no task, nor the name of one$/,
  ],
  "an entry that is none": [
    (errand) => errand.enqueueMany(never([null])),
    /^Cannot enqueue undefined: it is no task, nor the name of one$/,
  ],
  "payloads that are no list": [
    (errand) => errand.enqueueMany(free, never({ n: 1 })),
    /^Cannot enqueue \{"n":1\}: it is no list$/,
  ],
  "a misspelt option": [
    (errand) => errand.enqueue(free, 1, never({ prioritty: 1 })),
    /^Cannot use "prioritty" in the options of a job of task "free": there are only queue, /,
  ],
  "options that are none": [
    (errand) => errand.enqueue(free, 1, never("soon")),
    /^Cannot use "soon" as the options of a job of task "free": it is an object of queue, /,
  ],
  "a delay that is no duration": [
    (errand) => errand.enqueue(free, 1, { delay: never("soon") }),
    /^Cannot use "soon" as delay: a duration is "250ms", "5s"/,
  ],
  "a delay below zero": [
    (errand) => errand.enqueue(free, 1, { delay: -1 }),
    /^Cannot use -1 as delay: .*from 0 to 100 years$/,
  ],
  "a delay that is not a number": [
    (errand) => errand.enqueue(free, 1, { delay: NaN }),
    /^Cannot use NaN as delay/,
  ],
  "a delay of more than a hundred years": [
    (errand) => errand.enqueue(free, 1, { delay: "36501d" }),
    /^Cannot use "36501d" as delay/,
  ],
  "a date that is none": [
    (errand) => errand.enqueue(free, 1, { runAt: new Date("nonsense") }),
    /^Cannot use Date NaN as runAt: an instant is a Date, ISO 8601 text with a zone/,
  ],
  "a date without a zone": [
    (errand) => errand.enqueue(free, 1, { runAt: "2030-01-01T00:00:00" }),
    /^Cannot use "2030-01-01T00:00:00" as runAt.*with a zone/,
  ],
  "a delay together with a date": [
    (errand) => errand.enqueue(free, 1, { delay: 1, runAt: 1 }),
    /^Cannot enqueue "free": delay and runAt exclude each other$/,
  ],
  "a priority with a fraction": [
    (errand) => errand.enqueue(free, 1, { priority: 1.5 }),
    /^Cannot use 1.5 as priority: it is a whole number from -1,000,000 to 1,000,000$/,
  ],
  "a priority that is too high": [
    (errand) => errand.enqueue(free, 1, { priority: 1_000_001 }),
    /^Cannot use 1000001 as priority/,
  ],
  "a queue without a name": [
    (errand) => errand.enqueue(free, 1, { queue: "" }),
    /^Cannot use "" as the queue of a job: it is text of 1 to 128 characters/,
  ],
  "a queue with a line break": [
    (errand) => errand.enqueue(free, 1, { queue: "a\nb" }),
    /^Cannot use "a\\nb" as the queue of a job/,
  ],
  "a queue with half a character": [
    (errand) => errand.enqueue(free, 1, { queue: "\ud800" }),
    /^Cannot use "\\ud800" as the queue of a job/,
  ],
  "metadata that is no object": [
    (errand) => errand.enqueue(free, 1, { meta: never([1]) }),
    /^Cannot use \[1\] as meta: it is an object of JSON values$/,
  ],
  "metadata that JSON cannot carry": [
    (errand) => errand.enqueue(free, 1, { meta: { at: 1n } }),
    /^Cannot store meta \(at meta\.at\): a BigInt has no JSON form; pass it as text$/,
  ],
  "no attempt at all": [
    (errand) => errand.enqueue(free, 1, { retry: { maxAttempts: 0 } }),
    /^Cannot use 0 as .*maxAttempts: it counts all attempts, a whole number from 1 to 1000$/,
  ],
  "a delay function for one job": [
    (errand) => errand.enqueue(free, 1, { retry: { delay: () => 5 } }),
    /^Cannot enqueue "free": retry\.delay is a function, which a job cannot carry; give it to/,
  ],
  "a timeout of nothing": [
    (errand) => errand.enqueue(free, 1, { timeout: 0 }),
    /^Cannot use 0 as the timeout of a job of task "free": no attempt could end in time$/,
  ],
  "a retention that is no duration": [
    (errand) => errand.enqueue(free, 1, { retention: never("for ever") }),
    /^Cannot use "for ever" as the retention of a job/,
  ],
  "a state that does not exist": [
    (errand) => errand.list({ state: never("done") }),
    /^Cannot list jobs in state "done": states are scheduled, available/,
  ],
  "a page of nothing": [(errand) => errand.list({ limit: 0 }), /^Cannot list 0 jobs: limit is/],
  "a page without end": [(errand) => errand.list({ limit: 1_001 }), /limit is from 1 to 1000$/],
  "an order that does not exist": [
    (errand) => errand.list({ order: never("best") }),
    /^Cannot list jobs by "best": order is "newest" or "oldest"$/,
  ],
  "a list by nothing": [
    (errand) => errand.list(never(null)),
    /^Cannot list jobs by null: a filter is an object$/,
  ],
  "a condition that does not exist": [
    (errand) => errand.list(never({ status: "failed" })),
    /^Cannot list jobs by "status": a filter has only state, queue/,
  ],
  "a filter that is no text": [(errand) => errand.list({ queue: never(5) }), /^Cannot .*5/],
  "a cursor that is no text": [(errand) => errand.list({ cursor: never({}) }), /^Cannot /],
  "an id that is no text": [(errand) => errand.get(never(5)), /^Cannot .*5.* id/],
  "an id with half a surrogate pair": [(errand) => errand.wait("\ud800"), /^Cannot .* id/],
  "no id": [(errand) => errand.get(never(undefined)), /^Cannot .*undefined.* id/],
  "an object as an id": [(errand) => errand.cancel(never({})), /^Cannot .*\{\}.* id/],
  "a job without an id": [(errand) => errand.wait(never({ id: 5 })), /^Cannot .* id/],
  "a job that was not awaited, to get": [
    (errand) => errand.get(never(Promise.resolve("x"))),
    /^Cannot get a job: what was passed is a promise of one; await it first$/,
  ],
  "a job that was not awaited, to wait for": [
    (errand) => errand.wait(never(Promise.resolve({ id: "x" }))),
    /^Cannot wait for a job: .*; await it first$/,
  ],
  "an attempt count in the place of retry": [
    (errand) => errand.enqueue(free, 1, { retry: never(5) }),
    /^Cannot use 5 as the retry of .*: it is an object of maxAttempts, delay, backoff/,
  ],
  "a misspelt member of retry": [
    (errand) => errand.enqueue(free, 1, { retry: never({ attempts: 5 }) }),
    /^Cannot use "attempts" in the retry of .*: there are only maxAttempts, delay, backoff/,
  ],
  "a queue to pause without a name": [
    (errand) => errand.queues.pause(""),
    /^Cannot use "" as the name of a queue/,
  ],
  "a wait of no duration": [
    (errand) => errand.wait("x", { timeout: never("long") }),
    /^Cannot use "long" as timeout/,
  ],
  "a payload of a depth that no reader takes": [
    (errand) => errand.enqueue(free, JSON.parse("[".repeat(2_000) + "]".repeat(2_000))),
    /^Cannot store payload.*deep/,
  ],
  "a payload of a depth that no stack takes": [
    (errand) => {
      let deep: unknown = 1;
      for (let i = 0; i < 100_000; i++) deep = { deep };
      return errand.enqueue(free, deep);
    },
    /^Cannot store payload.*deep/,
  ],
};

describe("an Errand refuses", () => {
  it.each(Object.entries(calls))("%s", async (_, [call, message]) => {
    await using errand = await testErrand({ tasks: [resize, free] });
    await expect(call(errand)).rejects.toMatchObject(refused("INVALID_INPUT", message));
    expect((await errand.list()).jobs).toEqual([]);
    await errand.enqueue(free);
  });

  const values: Readonly<Record<string, readonly [unknown, string, RegExp]>> = {
    "a BigInt": [{ a: [0, 1n] }, ".a[1]", /a BigInt has no JSON form; pass it as text$/],
    "a cycle": [cyclic, ".self.again", /it contains itself \(a cycle\)$/],
    "a function": [{ run() {} }, ".run", /function run has no JSON form$/],
    "a symbol": [[Symbol("s")], "[0]", /Symbol\(s\) has no JSON form$/],
    NaN: [{ "a b": NaN }, '["a b"]', /NaN is no JSON number$/],
    Infinity: [-Infinity, "", /-Infinity is no JSON number$/],
    "a hole in a list": [[1, undefined], "[1]", /undefined has no JSON form$/],
    "a promise": [{ soon: Promise.resolve() }, ".soon", /a Promise has no JSON form; await it/],
    "a Map": [{ map: new Map() }, ".map", /a Map has no JSON form; pass an array or a plain/],
    "an invalid Date": [{ at: new Date(NaN) }, ".at", /it is an invalid Date$/],
  };
  it.each(Object.entries(values))("%s in a payload", async (_, [payload, path, fact]) => {
    await using errand = await testErrand({ tasks: [free] });
    const error = await errand.enqueue(free, payload).catch((error) => error);
    expect(error).toMatchObject(refused("INVALID_INPUT", fact));
    expect(error.message).toMatch(/^Cannot store payload/);
    if (path !== "") expect(error.message).toContain(`(at payload${path})`);
    expect(error.issues).toHaveLength(1);
  });

  it("a payload that its schema refuses, with each issue and its path", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const error = await errand.enqueue(resize, never({ path: 5, size: { width: "wide" } }))
      .catch((error) => error);
    expect(error).toMatchObject(
      refused(
        "INVALID_INPUT",
        /^Cannot enqueue "resize": payload\.path: .*; payload\.size\.width: /,
      ),
    );
    expect(error.issues.map(({ path }: { path: unknown }) => path))
      .toEqual([["path"], ["size", "width"]]);
  });

  it("a payload over its limit, and takes one of exactly the limit", async () => {
    await using errand = await testErrand({ tasks: [free], payloadLimit: 100 });
    await expect(errand.enqueue(free, "x".repeat(99))).rejects.toMatchObject(
      refused(
        "PAYLOAD_TOO_LARGE",
        /^Cannot store payload: it has 101 bytes .* limit is 100; .*raise/,
      ),
    );
    await expect(errand.enqueue(free, "ü".repeat(50))).rejects.toThrow("102 bytes");
    expect((await errand.enqueue(free, "x".repeat(98))).state).toBe("available");
  });

  it("a payload of over a mebibyte, unless told otherwise", async () => {
    await using errand = await testErrand({ tasks: [free] });
    await expect(errand.enqueue(free, "x".repeat(1024 * 1024)))
      .rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    await errand.enqueue(free, "x".repeat(1024 * 1024 - 2));
  });

  it("one bad payload of many, and adds none of them", async () => {
    await using errand = await testErrand({ tasks: [resize] });
    const good = { path: "a", size: { width: 1 } };
    await expect(errand.enqueueMany(resize, [good, never({}), good])).rejects.toThrow("path");
    expect((await errand.list()).jobs).toEqual([]);
  });

  it("one bad payload of a turn, and adds the others", async () => {
    await using errand = await testErrand({ tasks: [free] });
    const deep = JSON.parse("[".repeat(1_500) + "]".repeat(1_500));
    const results = await Promise.allSettled([1, 1n, deep, 2].map((n) => errand.enqueue(free, n)));
    expect(results.map(({ status }) => status))
      .toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  });

  const options: Readonly<Record<string, readonly [ErrandOptions, string, RegExp]>> = {
    "two tasks of one name": [
      { tasks: [free, defineTask({ name: "free", run: () => 1 })] },
      "CONFLICT",
      /^Cannot add task "free": another task has this name; .*rename one of the two$/,
    ],
    "another level of safety": [
      { synchronous: never("off") },
      "INVALID_INPUT",
      /^Cannot use "off" as synchronous: it is "full" or "normal"$/,
    ],
    "a misspelt option": [
      never({ task: [free] }),
      "INVALID_INPUT",
      /^Cannot use "task" in the options of an Errand: there are only url, client, authToken, tas/,
    ],
    "a task that is not in a list": [
      { tasks: never(free) },
      "INVALID_INPUT",
      /^Cannot add tasks: .* is no list of them$/,
    ],
    "a handler in the place of a task": [
      { tasks: [never(() => 1)] },
      "INVALID_INPUT",
      /^Cannot add function .* as a task: make one by defineTask$/,
    ],
    "nothing in the place of a task": [
      { tasks: [never(undefined)] },
      "INVALID_INPUT",
      /^Cannot add undefined as a task/,
    ],
    "a token that is no text": [{ authToken: never(5) }, "INVALID_INPUT", /authToken: it is no t/],
    "a logger without its methods": [
      { logger: never({ info() {}, error() {} }) },
      "INVALID_INPUT",
      /^Cannot use \{\} as logger: it has no method debug, warn$/,
    ],
    "a limit of nothing": [{ payloadLimit: 0 }, "INVALID_INPUT", /^Cannot use 0 as payloadLimit/],
    "a patience that is no duration": [
      { busyTimeout: never("ages") },
      "INVALID_INPUT",
      /^Cannot use "ages" as busyTimeout/,
    ],
    "a retention below zero": [{ retention: -5 }, "INVALID_INPUT", /^Cannot use -5 as retention/],
    "a log level that does not exist": [
      { logLevel: never("loud"), logger: console },
      "INVALID_INPUT",
      /^Cannot use "loud" as logLevel/,
    ],
  };
  it.each(Object.entries(options))("%s", async (_, [bad, code, message]) => {
    await expect(Errand.open({ url: ":memory:", ...bad })).rejects.toMatchObject(
      refused(code, message),
    );
  });

  it.each([undefined, null, "file:errand.db"])("%j in the place of options", async (bad) => {
    await expect(Errand.open(never(bad))).rejects.toMatchObject(
      refused("INVALID_INPUT", /as the options of an Errand: it is an object of url, client, /),
    );
  });

  it("a listener of an event that does not exist, and one that is no function", async () => {
    await using errand = await testErrand();
    expect(() => errand.on(never("complete"), () => {})).toThrow(expect.objectContaining(
      refused("INVALID_INPUT", /^Cannot listen to "complete": events are enqueued, started, comp/),
    ));
    expect(() => errand.on("completed", never(undefined))).toThrow(expect.objectContaining(
      refused("INVALID_INPUT", /^Cannot listen to completed with undefined: a listener is a func/),
    ));
  });

  it.each([
    [never({ concurency: 5 }), /^Cannot use "concurency" in the options of a worker: there are/],
    [{ concurrency: 0 }, /^Cannot use 0 as concurrency: no job would ever run$/],
    [{ concurrency: -1 }, /^Cannot use -1 as concurrency: it is a whole number/],
    [{ concurrency: 2.5 }, /^Cannot use 2.5 as concurrency/],
    [{ queues: { a: 0 } }, /^Cannot use 0 as concurrency of queue "a"/],
    [{ queues: [] }, /its list of queues is empty/],
    [{ prefetch: -1 }, /^Cannot use -1 as prefetch/],
    [{ lease: 10 }, /^Cannot use 10 ms as lease: it is 100 ms at least$/],
    [{ pollInterval: 1 }, /^Cannot use 1 ms as pollInterval/],
    [{ name: "" }, /^Cannot use "" as the name of a worker/],
  ])("a worker with %j", async (bad, message) => {
    await using errand = await testErrand();
    const make = () => errand.worker(bad);
    expect(make).toThrow(expect.objectContaining(refused("INVALID_INPUT", message)));
  });
});
