import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, pathText } from "../src/codec.ts";
import { newJob } from "./support/jobs.ts";
import { openBench } from "./support/store.ts";

const options = { what: "payload", limitBytes: 1_000_000 };

describe("what is encoded", () => {
  it("is read back as it was, whatever JSON it is", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const { text, converted } = encode(value, options);
      expect(converted).toBe(false);
      expect(decode(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }));
  });

  it("is read back from the database as it was, whatever JSON it is", async () => {
    await using bench = await openBench("memory");
    let count = 0;
    const value = fc.jsonValue();
    await fc.assert(
      fc.asyncProperty(value, async (value) => {
        const id = `job ${count++}`;
        await bench.store.enqueue([newJob(id, { payload: encode(value, options).text })]);
        expect((await bench.store.get(id))?.payload).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 200 },
    );
  });

  it("may be nothing at all, which is null", () => {
    expect(encode(undefined, options)).toEqual({ text: "null", converted: false });
    expect(decode(null)).toBeUndefined();
  });

  it("leaves out keys without a value, as JSON does", () => {
    expect(encode({ a: undefined, b: 1 }, options).text).toBe('{"b":1}');
  });

  it("may hold one object twice, as long as it holds not itself", () => {
    const shared = { a: 1 };
    expect(encode([shared, shared, { shared }], options).text)
      .toBe('[{"a":1},{"a":1},{"shared":{"a":1}}]');
  });

  it("may be of a class, or of none", () => {
    class Point {
      x = 1;
    }
    expect(encode(new Point(), options).text).toBe('{"x":1}');
    expect(encode(Object.assign(Object.create(null), { a: 1 }), options).text).toBe('{"a":1}');
  });

  it("tells when toJSON stood in for a value", () => {
    const date = new Date("2030-01-01T00:00:00Z");
    expect(encode({ date }, options))
      .toEqual({ text: '{"date":"2030-01-01T00:00:00.000Z"}', converted: true });
  });
});

const cycle: unknown[] = [];
cycle.push({ list: cycle });
let deep: unknown = [];
for (let i = 0; i < 501; i++) deep = { deep };

const refused: Readonly<Record<string, readonly [unknown, string, string]>> = {
  "a BigInt": [{ a: [1n] }, "payload.a[0]", "a BigInt has no JSON form; pass it as text"],
  "a cycle": [cycle, "payload[0].list", "it contains itself (a cycle)"],
  "a function": [{ f: function act() {} }, "payload.f", "function act has no JSON form"],
  "a symbol": [{ s: Symbol("x") }, "payload.s", "Symbol(x) has no JSON form"],
  NaN: [{ "not a number": NaN }, 'payload["not a number"]', "NaN is no JSON number"],
  "minus infinity": [[[-Infinity]], "payload[0][0]", "-Infinity is no JSON number"],
  "an empty place of a list": [[1, undefined], "payload[1]", "undefined has no JSON form"],
  "an invalid Date": [{ at: new Date(NaN) }, "payload.at", "it is an invalid Date"],
  "a Map": [{ m: new Map() }, "payload.m", "a Map has no JSON form"],
  "a Set": [[new Set()], "payload[0]", "a Set has no JSON form"],
  "a typed array": [{ b: new Uint8Array(2) }, "payload.b", "a Uint8Array has no JSON form"],
  "a promise": [{ p: Promise.resolve(1) }, "payload.p", "a Promise has no JSON form"],
  "an error": [{ e: new Error("x") }, "payload.e", "a Error has no JSON form"],
  "a regular expression": [{ r: /x/ }, "payload.r", "a RegExp has no JSON form"],
};

describe("what is refused", () => {
  it.each(Object.entries(refused))("is %s, with the path to it", (_, [value, path, fact]) => {
    const error = expect.objectContaining({
      code: "INVALID_INPUT",
      message: expect.stringContaining(`Cannot store payload (at ${path}): ${fact}`),
      issues: [{ message: expect.stringContaining(fact), path: expect.any(Array) }],
    });
    expect(() => encode(value, options)).toThrow(error);
  });

  it("is a value of too many levels, also when toJSON has made them", () => {
    const toJSON = (): unknown => deep;
    for (const value of [deep, { toJSON }]) {
      expect(() => encode(value, options)).toThrow(
        /^Cannot store payload: it is more than 500 lev/,
      );
    }
  });

  it("is a root that toJSON makes nothing of", () => {
    expect(() => encode({ toJSON: () => undefined }, options)).toThrow(/toJSON .* returns nothing/);
  });

  it("is a text of more bytes than the limit, counted in UTF-8", () => {
    const limited = { what: "result", limitBytes: 10 };
    expect(encode("12345678", limited).text).toHaveLength(10);
    expect(encode("üüüü", limited).text).toHaveLength(6);
    for (const [value, bytes] of [["123456789", 11], ["üüüüü", 12], ["🙂🙂🙂", 14]] as const) {
      expect(() => encode(value, limited)).toThrow(expect.objectContaining({
        code: "PAYLOAD_TOO_LARGE",
        message: expect.stringMatching(
          new RegExp(`^Cannot store result: it has ${bytes} bytes of JSON and the limit is 10; .*`),
        ),
      }));
    }
  });
});

describe("a path", () => {
  it("is written as in code", () => {
    expect(pathText([])).toBe("");
    expect(pathText(["a", 0, "b c", "$x", "1"])).toBe('.a[0]["b c"].$x["1"]');
  });
});
