import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask } from "../mod.ts";
import { toJobError } from "../src/job-error.ts";
import { parse } from "../src/schema.ts";
import type { Task } from "../src/task.ts";
import { Tasks } from "../src/tasks.ts";

const run = (): number => 1;

describe("a task", () => {
  it("says only what it was told, in milliseconds", () => {
    const task = defineTask({ name: "t", timeout: "5s", retention: "1d", run });
    expect(task).toMatchObject({
      ...{ name: "t", queue: "default", priority: 0, onLeaseExpired: "retry" },
      policy: { timeoutMs: 5_000, retentionMs: 86_400_000 },
    });
    expect(defineTask({ name: "t", run }).policy).toEqual({});
    expect(defineTask({ name: "t", retention: "forever", run }).policy).toEqual({
      retentionMs: null,
    });
    expect(defineTask({ name: "t", retention: 0, run }).policy).toEqual({ retentionMs: 0 });
  });

  it("cannot be changed, and runs as a method of its options", () => {
    class Greeting {
      readonly name = "t";
      readonly prefix = "hello";
      run(): string {
        return this.prefix;
      }
    }
    const task = defineTask(new Greeting());
    expect(Object.isFrozen(task)).toBe(true);
    expect(task.run({} as never)).toBe("hello");
  });

  it.each([
    [{ name: "" }, /^Cannot use "" as a task's name: it is text of 1 to 128 characters/],
    [{ name: "x".repeat(129) }, /as a task's name/],
    [{ name: "a\u0000b" }, /without control characters$/],
    [{ name: 5 }, /^Cannot use 5 as a task's name/],
    [{ name: "t", queue: "\n" }, /as the queue of task "t"/],
    [{ name: "t", priority: 0.5 }, /^Cannot use 0\.5 as the priority of task "t"/],
    [{ name: "t", timeout: "1 minute" }, /as the timeout of task "t"/],
    [{ name: "t", timeout: 0 }, /^Cannot use 0 as the timeout of task "t"/],
    [{ name: "t", retention: "always" }, /as the retention of task "t"/],
    [{ name: "t", retry: { maxAttempts: -1 } }, /as the retry of task "t"\.maxAttempts/],
    [{ name: "t", run: "handler" }, /^Cannot define task "t": run is "handler", not a function$/],
    [{ name: "t", input: {} }, /input is no Standard Schema/],
    [
      { name: "t", retries: 3 },
      /^Cannot use "retries" in task "t": there are only name, input, run/,
    ],
    [{ name: "t", unique: { keys: "3" } }, /^Cannot use "keys" in unique of task "t"/],
    [{ name: "t", onLeaseExpired: "ignore" }, /^Cannot use "ignore" as onLeaseExpired of task "t"/],
  ])("is not %j", (options, message) => {
    const define = () => defineTask({ run, ...options } as never);
    expect(define).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(define).toThrow(message);
  });
});

it.each([undefined, null, "resize"])("a task is not made of %j", (options) => {
  expect(() => defineTask(options as never)).toThrow(expect.objectContaining({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/^Cannot define .* as a task: pass \{ name, run \}$/),
  }));
});

describe("tasks", () => {
  it("have unique names, and one may be added twice", () => {
    const tasks = new Tasks();
    const [a, b] = ["a", "b"].map((name) => defineTask({ name, queue: `${name}s`, run }) as Task);
    tasks.add([a!, b!, a!]);
    expect(tasks.get("a")).toBe(a);
    expect(tasks.get("__proto__")).toBeUndefined();
    expect(tasks.all()).toEqual([a, b]);
    expect(tasks.queues()).toEqual(["as", "bs"]);
    expect(() => tasks.add([defineTask({ name: "a", run }) as Task]))
      .toThrow(/^Cannot add task "a": another task has this name/);
  });
});

describe("a schema", () => {
  it("answers at once when it can, and later when it must", async () => {
    expect(parse(undefined, 5, "x")).toBe(5);
    expect(parse(v.pipe(v.string(), v.toNumber()), "5", "x")).toBe(5);
    const late = v.pipeAsync(v.string(), v.transformAsync((text) => Promise.resolve(text.length)));
    expect(await parse(late, "five", "x")).toBe(4);
  });

  it("refuses with all of its issues and their paths", () => {
    const schema = v.object({ a: v.array(v.number()), "b c": v.string() });
    const error = { code: "INVALID_INPUT", issues: [{ path: ["a", 1] }, { path: ["b c"] }] };
    const check = () => parse(schema, { a: [1, "x"], "b c": 5 }, "do it");
    expect(check).toThrow(/^Cannot do it: payload\.a\[1\]: .*; payload\["b c"\]: /);
    try {
      check();
    } catch (thrown) {
      expect(thrown).toMatchObject(error);
    }
  });
});

describe("whatever a handler throws", () => {
  const of = { code: "HANDLER", attempt: 2, at: 7 } as const;

  it.each([
    [new TypeError("No number"), "TypeError", "No number"],
    ["a text", "string", '"a text"'],
    [undefined, "undefined", "undefined"],
    [null, "object", "null"],
    [5n, "bigint", "5n"],
    [{ code: 7 }, "object", '{"code":7}'],
    [Symbol("s"), "symbol", "Symbol(s)"],
    [Object.assign(new Error("x"), { name: 5 }), "5", "x"],
  ])("is data: %o", (thrown, name, message) => {
    expect(toJobError(thrown, of)).toMatchObject({ ...of, name, message });
  });

  it("is bounded", () => {
    const error = Object.assign(new Error("x".repeat(9_000)), { name: "n".repeat(9_000) });
    error.stack = "s".repeat(9_000);
    const { name, message, stack } = toJobError(error, of);
    expect([name.length, message.length, stack?.length]).toEqual([200, 2_000, 4_000]);
  });

  it("harms nobody, also when it fights back", () => {
    const evil = new Error("x");
    Object.defineProperty(evil, "message", {
      get() {
        throw new Error("no");
      },
    });
    const proxy = new Proxy({}, {
      getPrototypeOf() {
        throw new Error("no");
      },
    });
    for (const thrown of [evil, proxy]) {
      expect(toJobError(thrown, of)).toMatchObject({ ...of, message: expect.any(String) });
    }
  });
});
