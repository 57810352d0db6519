// What compiles and what does not: `tsc` and `deno check` hold this file to it.
import * as v from "valibot";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  defineTask,
  type EnqueuedJob,
  Errand,
  type Job,
  type Jsonified,
  type Task,
} from "../mod.ts";
import { runTask, testErrand } from "../src/testing/mod.ts";

const resize = defineTask({
  name: "resize",
  input: v.object({ path: v.string(), width: v.optional(v.number(), 200) }),
  run: ({ input }) => ({ bytes: input.width, name: input.path }),
});
const measure = defineTask({
  name: "measure",
  input: v.pipe(v.string(), v.transform((text) => text.length)),
  run: ({ input, snooze }) => input > 3 ? input : snooze("5s"),
});
const optional = defineTask({ name: "optional", input: v.optional(v.number()), run: () => "done" });
const free = defineTask({ name: "free", run: () => Promise.resolve(true) });

describe("the types of", () => {
  it("a task are those of its schema and its handler", () => {
    expectTypeOf(resize).toEqualTypeOf<
      Task<
        { path: string; width?: number | undefined },
        { path: string; width: number },
        { bytes: number; name: string }
      >
    >();
    expectTypeOf(measure).toEqualTypeOf<Task<string, number, number>>();
    expectTypeOf(free).toEqualTypeOf<Task<unknown, unknown, boolean>>();
  });

  it("a job are those of its task", async () => {
    await using errand = await testErrand({ tasks: [resize, measure, optional, free] });
    const job = await errand.enqueue(resize, { path: "a.png" });
    expectTypeOf(job.payload).toEqualTypeOf<{ path: string; width?: number | undefined }>();
    expectTypeOf(job.result).toEqualTypeOf<{ bytes: number; name: string } | undefined>();
    expectTypeOf(await errand.enqueueMany(measure, ["a"])).toEqualTypeOf<
      EnqueuedJob<string, number>[]
    >();
    expectTypeOf(await measure.enqueue(errand, "a")).toEqualTypeOf<EnqueuedJob<string, number>>();
    expectTypeOf(await errand.enqueue("free")).toEqualTypeOf<EnqueuedJob>();
    expectTypeOf(await errand.get("x")).toEqualTypeOf<Job | undefined>();
    const again = await errand.get(job);
    expectTypeOf(again!.result).toEqualTypeOf<{ bytes: number; name: string } | undefined>();
    expect(again).toMatchObject({ id: job.id, payload: { path: "a.png" } });
    expect(job.payload).toEqual({ path: "a.png" });
  });

  it("a result are those of what JSON gives back", () => {
    class Money {
      toJSON(): { cents: string } {
        return { cents: "5" };
      }
    }
    const task = defineTask({
      name: "task",
      run: () => ({
        at: new Date(0),
        price: new Money(),
        list: [new Date(0)] as readonly Date[],
        pair: [1, new Date(0)] as [number, Date],
        maybe: undefined as string | undefined,
        nested: { at: null as Date | null },
        free: 1 as unknown,
        huge: 1n,
      }),
    });
    expectTypeOf<NonNullable<Awaited<ReturnType<typeof task.enqueue>>["result"]>>().toEqualTypeOf<{
      at: string;
      price: { cents: string };
      list: readonly string[];
      pair: [number, string];
      maybe?: string;
      nested: { at: string | null };
      free?: unknown;
      huge: never;
    }>();
    expectTypeOf<Jsonified<void>>().toEqualTypeOf<null>();
    expectTypeOf<Jsonified<"a" | Date | undefined>>().toEqualTypeOf<string | null>();
  });

  it("entries of many tasks are each that of its task", async () => {
    await using errand = await testErrand({ tasks: [resize, measure, optional, free] });
    const entries = [
      { task: resize, payload: { path: "a.png" }, delay: "1h" },
      { task: measure, payload: "text" },
      { task: optional },
      { task: free, payload: { anything: true } },
      { task: "free", payload: 5 },
    ] as const;
    expect(await errand.enqueueMany(entries)).toHaveLength(5);
    expect(await errand.enqueueMany(["a", "b"].map((payload) => ({ task: measure, payload }))))
      .toHaveLength(2);
    await expect(errand.enqueueMany([
      { task: measure, payload: "text" },
      // @ts-expect-error the payload of another task
      { task: resize, payload: "text" },
    ])).rejects.toThrow("payload");
    // @ts-expect-error no payload where one is needed
    await expect(errand.enqueueMany([{ task: measure }])).rejects.toThrow("payload");
    // @ts-expect-error no such option
    await expect(errand.enqueueMany([{ task: free, delay: "soon" }])).rejects.toThrow("delay");
  });

  it("a payload may be left out only where the schema takes none", async () => {
    await using errand = await testErrand({ tasks: [resize, measure, optional, free] });
    await errand.enqueue(optional);
    await errand.enqueue(free);
    await errand.enqueue(optional, 5, { delay: "5m" });
    // @ts-expect-error the schema wants a payload
    await expect(errand.enqueue(resize)).rejects.toThrow("Cannot enqueue");
    // @ts-expect-error and so it does here
    await expect(resize.enqueue(errand)).rejects.toThrow("Cannot enqueue");
  });

  it("a wrong payload does not compile, and does not pass either", async () => {
    await using errand = await testErrand({ tasks: [resize, measure] });
    // @ts-expect-error a field of another type
    await expect(errand.enqueue(resize, { path: 5 })).rejects.toThrow("payload.path");
    // @ts-expect-error a field is missing
    await expect(errand.enqueue(resize, { width: 5 })).rejects.toThrow("payload.path");
    // @ts-expect-error what the schema makes is not what it takes
    await expect(errand.enqueue(measure, 5)).rejects.toThrow("payload");
    // @ts-expect-error one of many
    await expect(errand.enqueueMany(measure, ["a", 5])).rejects.toThrow("payload");
    // @ts-expect-error for a test as well
    await expect(runTask(measure, 5)).rejects.toThrow("payload");
  });

  it("a wrong option does not compile, and does not pass either", async () => {
    await using errand = await testErrand({ tasks: [free] });
    // @ts-expect-error no unit of time
    await expect(errand.enqueue(free, 1, { delay: "5 minutes" })).rejects.toThrow("delay");
    // @ts-expect-error no text
    await expect(errand.enqueue(free, 1, { priority: "high" })).rejects.toThrow("priority");
    // @ts-expect-error no such state
    await expect(errand.list({ state: "done" })).rejects.toThrow("done");
    // @ts-expect-error no such event
    expect(() => errand.on("finished", () => {})).toThrow("finished");
    // @ts-expect-error no such change
    expect(() => errand.watch({ event: "finished" })).toThrow("finished");
    errand.on("completed", (event) => expectTypeOf(event.durationMs).toEqualTypeOf<number>());
  });

  it("a wrong task does not compile, and is refused as it is defined", () => {
    // @ts-expect-error without a handler
    expect(() => defineTask({ name: "x" })).toThrow(/^Cannot define task "x": run is undefined/);
    // @ts-expect-error without a name
    expect(() => defineTask({ run: () => 1 })).toThrow(/^Cannot use undefined as a task's name/);
    expect(() => {
      // @ts-expect-error no schema
      defineTask({ name: "x", input: { path: "string" }, run: () => 1 });
    }).toThrow(/^Cannot define task "x": input is no Standard Schema/);
    // @ts-expect-error no such growth
    expect(() => defineTask({ name: "x", retry: { backoff: "cubic" }, run: () => 1 }))
      .toThrow(/backoff: it is "none", "linear" or "exponential"$/);
  });

  it("an Errand is what its class says", () => {
    expectTypeOf(Errand.open).returns.resolves.toEqualTypeOf<Errand>();
    expectTypeOf<Errand>().toExtend<AsyncDisposable>();
  });
});
