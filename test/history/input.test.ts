// Bad input: each refused with an ErrandError that says what cannot be done, why, and what to do.
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type Errand, type Schema } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";

const run = (): void => {};
const sized = defineTask({ name: "sized", index: ["size", "a.b"], run });
const twin = defineTask({ name: "twin", index: ["size"], run });
const plain = defineTask({ name: "plain", run });

const never = <Value>(value: Value): never => value as never;

const refused = (message: RegExp, code = "INVALID_INPUT") => ({
  name: "ErrandError",
  code,
  message: expect.stringMatching(message),
});

/** Calls with bad input, and what their error's message says. */
const calls: Readonly<Record<string, readonly [(errand: Errand) => Promise<unknown>, RegExp]>> = {
  "no filter": [(errand) => errand.purge(never(undefined)), /^Cannot purge jobs by undefined: a/],
  "an empty filter": [
    (errand) => errand.purge({}),
    /^Cannot purge jobs without a condition: if all are meant, say \{ all: true \}$/,
  ],
  "an empty filter to cancel": [(errand) => errand.cancelMany({}), /^Cannot cancel jobs without a/],
  "an empty filter to retry": [(errand) => errand.retryMany({}), /^Cannot retry jobs without a/],
  "an empty filter to remove": [(errand) => errand.removeMany({}), /^Cannot remove jobs without/],
  "a condition that was never set": [
    (errand) => errand.cancelMany({ state: "available", queue: never(undefined) }),
    /^Cannot cancel jobs by queue undefined: leave it out, or give a value$/,
  ],
  "all and only some": [
    (errand) => errand.purge({ all: true, queue: "q" }),
    /^Cannot purge all jobs and only some: all and conditions exclude each other$/,
  ],
  "all that is not true": [
    (errand) => errand.purge({ all: never(false) }),
    /^Cannot purge jobs by all false: it is true, or left out$/,
  ],
  "a key that no filter has": [
    (errand) => errand.purge(never({ qeue: "q" })),
    /^Cannot purge jobs by "qeue": a filter has only state, queue, task, parentId, worker, createdAfter/,
  ],
  "a key that no list has": [
    (errand) => errand.list(never({ status: "failed" })),
    /^Cannot list jobs by "status": a filter has only state, /,
  ],
  "an option that no verb has": [
    (errand) => errand.purge({ all: true }, never({ dryrun: true })),
    /^Cannot purge jobs with "dryrun": options are limit, cursor, dryRun$/,
  ],
  "a limit of 0": [
    (errand) => errand.purge({ all: true }, { limit: 0 }),
    /^Cannot purge 0 jobs: limit is from 1 to 1000000$/,
  ],
  "a limit that is not whole": [
    (errand) => errand.purge({ all: true }, { limit: 1.5 }),
    /^Cannot purge 1.5 jobs: limit/,
  ],
  "no end of a limit": [
    (errand) => errand.purge({ all: true }, { limit: Infinity }),
    /^Cannot purge Infinity jobs: limit/,
  ],
  "a dry run that is text": [
    (errand) => errand.purge({ all: true }, { dryRun: never("no") }),
    /^Cannot purge jobs with dryRun "no": it is true or false$/,
  ],
  "a purge with a delay": [
    (errand) => errand.purge({ all: true }, never({ delay: "1h" })),
    /^Cannot purge jobs with "delay": options are limit, cursor, dryRun$/,
  ],
  "a retry with a delay and an instant": [
    (errand) => errand.retryMany({ all: true }, { delay: "1h", runAt: new Date(0) }),
    /^Cannot retry jobs: delay and runAt exclude each other$/,
  ],
  "a retry after no duration": [
    (errand) => errand.retryMany({ all: true }, { delay: never("soon") }),
    /^Cannot use "soon" as delay/,
  ],
  "a cursor that is no text": [
    (errand) => errand.purge({ all: true }, { cursor: never(5) }),
    /^Cannot purge jobs from cursor 5: it is no text$/,
  ],
  "a purge of live jobs": [
    (errand) => errand.purge({ state: "available" }),
    /^Cannot purge jobs in state available: it is for completed, failed, cancelled$/,
  ],
  "a cancellation of ended jobs": [
    (errand) => errand.cancelMany({ state: ["running", "failed"] }),
    /^Cannot cancel jobs in state failed: it is for scheduled, available, running$/,
  ],
  "a removal of running jobs": [
    (errand) => errand.removeMany({ state: "running" }),
    /^Cannot remove jobs in state running: it is for scheduled, available, completed/,
  ],
  "no state": [(errand) => errand.retryMany({ state: [] }), /^Cannot retry jobs in state \[\]: it/],
  "a state of another name": [
    (errand) => errand.purge({ state: never("done") }),
    /^Cannot purge jobs in state "done": states are scheduled, /,
  ],
  "a date that is none": [
    (errand) => errand.list({ createdAfter: "yesterday" }),
    /^Cannot use "yesterday" as createdAfter: an instant is a Date, ISO 8601 text/,
  ],
  "a date without a zone": [
    (errand) => errand.purge({ createdBefore: "2030-01-01" }),
    /^Cannot use "2030-01-01" as createdBefore: an instant/,
  ],
  "a time that ends before it begins": [
    (errand) => errand.list({ createdAfter: 2_000, createdBefore: 1_000 }),
    /^Cannot list jobs: createdAfter is not before createdBefore$/,
  ],
  "meta that is no object": [
    (errand) => errand.list({ meta: never("a") }),
    /^Cannot list jobs by meta "a": it is an object of 1 to 16 fields and their values$/,
  ],
  "meta without a field": [(errand) => errand.purge({ meta: {} }), /^Cannot purge jobs by meta \{/],
  "meta with an object in it": [
    (errand) => errand.list({ meta: never({ a: { b: 1 } }) }),
    /^Cannot list jobs by meta a \{"b":1\}: a value is text, a number, a boolean or null$/,
  ],
  "a where with NaN": [
    (errand) => errand.list({ task: "sized", where: { size: NaN } }),
    /^Cannot list jobs by where size NaN: a value is text, a number/,
  ],
  "a where on a field that its task does not declare": [
    (errand) => errand.list({ task: "sized", where: { size: 1, colour: 5 } }),
    /^Cannot list jobs by size, colour: task "sized" does not index all of that; indexed are size/,
  ],
  "a where on a task without an index": [
    (errand) => errand.purge({ task: "plain", where: { size: 1 } }),
    /^Cannot purge jobs by size: task "plain" does not index all of that; indexed are none$/,
  ],
  "a where on a field that no task declares": [
    (errand) => errand.list({ where: { colour: 5 } }),
    /^Cannot list jobs by colour: no task indexes all of that; indexed are size \(sized\), a\.b/,
  ],
  "a where that two tasks could mean": [
    (errand) => errand.list({ where: { size: 5 } }),
    /^Cannot list jobs by size: several tasks index that; say which task: sized, twin$/,
  ],
  "a where on an unknown task": [
    (errand) => errand.list({ task: "gone", where: { size: 5 } }),
    /^Cannot list jobs by size: this Errand knows no task "gone"; register it$/,
  ],
  "SQL as a field": [
    (errand) => errand.list({ where: { "size') OR 1; --": 5 } }),
    /^Cannot list jobs by size'\) OR 1; --: no task indexes all of that; indexed are/,
  ],
  "a clone of no id": [(errand) => errand.clone(never(5)), /^Cannot clone job 5: there is no such/],
};

describe("an Errand refuses", () => {
  it.each(Object.entries(calls))("%s", async (_, [call, message]) => {
    await using errand = await testErrand({ tasks: [sized, twin, plain] });
    await errand.enqueue(plain);
    await expect(call(errand)).rejects.toMatchObject(refused(message));
    expect((await errand.list()).jobs).toHaveLength(1);
  });
});

const input = v.object({
  size: v.number(),
  customer: v.optional(v.object({ id: v.number() })),
});

describe("a task refuses an index", () => {
  const indexes: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    "that is no list": ["size", /^Cannot use "size" as the index of task "t": it is a list of up/],
    "of too many fields": [
      Array.from({ length: 9 }, (_, i) => `f${i}`),
      /^Cannot use .* as the index of task "t": it is a list of up to 8 payload fields$/,
    ],
    "on a number": [[5], /^Cannot index 5 of task "t": a field is a name/],
    "on no name": [[""], /^Cannot index "" of task "t"/],
    "on a name with a quote": [["a'b"], /^Cannot index "a'b" of task "t": a field is a name of/],
    "on a place in a list": [["a[0]"], /^Cannot index "a\[0\]" of task "t"/],
    "on a path that ends in a dot": [["a."], /^Cannot index "a\." of task "t"/],
    "twice on a field": [["size", "size"], /^Cannot index "size" of task "t" twice$/],
    "on a field that its schema lacks": [
      ["width"],
      /^Cannot index "width" of task "t": its schema has no such field, only size, customer$/,
    ],
    "on a field that a part of its schema lacks": [
      ["customer.name"],
      /^Cannot index "customer.name" of task "t": its schema has no such field, only id$/,
    ],
  };
  it.each(Object.entries(indexes))("%s", (_, [index, message]) => {
    const define = () => defineTask({ name: "t", input, index: never(index), run });
    expect(define).toThrow(expect.objectContaining(refused(message)));
  });

  it("only where the schema can tell", () => {
    for (const schema of [v.looseObject({}), v.unknown(), v.record(v.string(), v.number())]) {
      expect(defineTask({ name: "t", input: schema, index: ["width"], run }).index)
        .toEqual(["width"]);
    }
    const task = defineTask({
      name: "t",
      input: v.pipe(input, v.check(() => true)),
      index: ["size", "customer.id"],
      run,
    });
    expect(task.index).toEqual(["size", "customer.id"]);
  });
});

/** What a schema of zod 4 looks like from outside. */
function zodLike(type: string, def: object, shape?: object): Schema<never> {
  const validate = (value: unknown) => ({ value: value as never });
  const schema = { "~standard": { version: 1, vendor: "zod", validate } as const };
  return { ...schema, ...{ type, def: { type, ...def }, ...(shape && { shape }) } };
}

describe("the fields of a schema of another library", () => {
  const never = zodLike("never", {});
  const id = { id: zodLike("number", {}) };
  const customer = zodLike("optional", { innerType: zodLike("object", {}, id) });
  const closed = zodLike("object", {}, { size: zodLike("number", {}), customer });
  const strict = zodLike("object", { catchall: never }, id);
  const loose = zodLike("object", { catchall: zodLike("unknown", {}) }, id);
  const define = (input: Schema<never>, field: string) => () =>
    defineTask({ name: "t", input, index: [field], run });

  it("are looked up where it tells them", () => {
    expect(define(closed, "customer.id")().index).toEqual(["customer.id"]);
    expect(define(closed, "width")).toThrow(
      'Cannot index "width" of task "t": its schema has no such field, only size, customer',
    );
    expect(define(closed, "customer.name")).toThrow("no such field, only id");
    expect(define(strict, "name")).toThrow("no such field, only id");
  });

  it("are believed where it takes others too, or does not tell them", () => {
    const piped = zodLike("pipe", { in: closed, out: closed });
    const arktype = { "~standard": { ...closed["~standard"], vendor: "arktype" } };
    for (const schema of [loose, piped, arktype]) {
      expect(define(schema, "width")().index).toEqual(["width"]);
    }
  });

  it("are searched by, whatever library it is", async () => {
    const task = defineTask({ name: "t", input: closed as Schema, index: ["customer.id"], run });
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueue(task, { size: 1, customer: { id: 42 } });
    await errand.enqueue(task, { size: 1 });
    expect((await errand.list({ where: { "customer.id": 42 } })).jobs).toHaveLength(1);
  });
});
