// Workers as rows, under a clock that the test moves.
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  defineTask,
  type Duration,
  type Task,
  type WorkerEnd,
  type WorkerInfo,
  type WorkerState,
} from "../../mod.ts";
import { thisProcess } from "../../src/runtime.ts";
import { FakeClock, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({ name: "work", run: () => {} });

/** A task that runs until its gate is opened, or its signal aborts. */
function patient() {
  const [started, finish] = [gate(), gate<string>()];
  const aborted: unknown[] = [];
  const task = defineTask({
    name: "work",
    run: ({ signal }) => {
      started.open();
      return new Promise((resolve, reject) => {
        void finish.opened.then(resolve);
        signal.addEventListener("abort", () => {
          aborted.push(signal.reason.reason);
          reject(signal.reason);
        });
      });
    },
  });
  return { task, started, finish, aborted };
}

/** A file, and an Errand on it. */
async function onFile(task: Task = work as Task) {
  const dir = await tempDir();
  const path = dir.file("errand.db");
  const url = `file:${path}`;
  const errand = await testErrand({ url, tasks: [task] });
  return {
    ...{ errand, path, url },
    async [Symbol.asyncDispose]() {
      await errand.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const ids = async (errand: TestErrand) => (await errand.workers.list()).workers.map(({ id }) => id);

describe("the row of a worker", () => {
  it("is there as it has started, and gone as it has stopped", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const worker = errand.worker({ name: "Ada", queues: { a: 2, b: 9 }, concurrency: 5 });
    expect(await ids(errand)).toEqual([]);
    await worker.start();
    expect(await errand.workers.get(worker.id)).toMatchObject({
      ...{ id: worker.id, name: "Ada", state: "running", ...thisProcess() },
      ...{ queues: { a: 2, b: 5 }, concurrency: 5, startedAt: new Date(errand.clock.now()) },
    });
    await worker.stop();
    expect(await ids(errand)).toEqual([]);
  });

  it("follows the tasks of its Errand", async () => {
    await using errand = await testErrand({ tasks: [work] });
    await using worker = errand.worker({ lease: "30s" });
    await worker.start();
    errand.register(defineTask({ name: "late", queue: "late", run: () => {} }));
    await errand.clock.advance("10s");
    expect((await errand.workers.get(worker.id))?.queues).toEqual({ default: 10, late: 10 });
  });

  it("is not written by a drain that ends before its first heartbeat", async () => {
    const { started, finish, task } = patient();
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueue(task);
    const worker = errand.worker({ lease: "30s" });
    const drained = worker.drain();
    await started.opened;
    await errand.clock.advance(9_999);
    expect(await ids(errand)).toEqual([]);
    await errand.clock.advance(1);
    expect(await ids(errand)).toEqual([worker.id]);
    finish.open("done");
    await drained;
    expect(await ids(errand)).toEqual([]);
  });

  it("that was lost is written again with the next heartbeat", async () => {
    await using test = await onFile();
    const { errand, path } = test;
    await using worker = errand.worker({ lease: "30s" });
    await worker.start();
    const { startedAt } = (await errand.workers.get(worker.id))!;
    await errand.clock.advance("5s");
    using raw = openRaw(path);
    raw.exec("DELETE FROM errand_worker");
    expect(await ids(errand)).toEqual([]);
    await errand.clock.advance("5s");
    expect(await errand.workers.get(worker.id)).toMatchObject({ startedAt, state: "running" });
  });

  it("of a dead worker is shown for a day, and then pruned by another one", async () => {
    await using test = await onFile();
    const dead = test.errand.worker({ lease: "30s" });
    await dead.start();
    const clock = new FakeClock(test.errand.clock.now());
    await using later = await testErrand({ url: test.url, clock });
    const state = async () => {
      await later.worker().drain();
      return (await later.workers.get(dead.id))?.state;
    };
    await clock.advance("30s");
    expect(await state()).toBe("dead");
    await clock.advance(86_399_999);
    expect(await state()).toBe("dead");
    await clock.advance(1);
    expect(await state()).toBeUndefined();
  });

  it("counts the jobs that it holds, and list tells which", async () => {
    const { task, finish, started } = patient();
    await using errand = await testErrand({ tasks: [task] });
    const [one] = await errand.enqueueMany(task, [1, 2]);
    await using worker = errand.worker({ concurrency: 1 });
    await using idle = errand.worker({ queues: ["idle"] });
    await worker.start();
    await idle.start();
    await started.opened;
    expect((await errand.workers.list()).workers.map(({ running }) => running)).toEqual([1, 0]);
    const held = async (of: { id: string }) =>
      (await errand.list({ worker: of.id })).jobs.map(({ id }) => id);
    expect([await held(worker), await held(idle)]).toEqual([[one!.id], []]);
    finish.open("done");
  });

  it("is listed by pages, in the order of the starts", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const started = [];
    for (let n = 0; n < 5; n++) {
      const worker = errand.worker();
      await worker.start();
      started.push(worker.id);
    }
    const first = await errand.workers.list({ limit: 3 });
    const second = await errand.workers.list({ limit: 3, cursor: first.cursor! });
    expect([...first.workers, ...second.workers].map(({ id }) => id)).toEqual(started);
    expect([first.cursor, second.cursor]).toEqual([started[2], undefined]);
  });
});

describe("stopping a worker from elsewhere", () => {
  it("lets what runs finish within the grace, and then gives it back", async () => {
    const { task, started, aborted } = patient();
    await using errand = await testErrand({ tasks: [task] });
    const { id } = await errand.enqueue(task);
    const worker = errand.worker({ grace: "1h" });
    const told: WorkerEnd[] = [];
    errand.on("stopped", (end) => told.push(end));
    await worker.start();
    await started.opened;
    await errand.workers.stop(worker.id, { grace: "3s", reason: "too hot" });
    await errand.clock.advance(2_999);
    expect([aborted, await ids(errand)]).toEqual([[], [worker.id]]);
    await errand.clock.advance(1);
    const end = await worker.stopped;
    expect(end).toEqual({
      ...{ worker: worker.name, id: worker.id, asked: "elsewhere", reason: "too hot" },
    });
    expect([aborted, told]).toEqual([["shutdown"], [end]]);
    expect(await errand.get(id)).toMatchObject({ state: "available", attempt: 0, errors: [] });
  });

  it("goes by the worker's own grace unless it says another", async () => {
    const { task, started, aborted } = patient();
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueue(task);
    const worker = errand.worker({ grace: "5s" });
    await worker.start();
    await started.opened;
    await errand.workers.stop(worker.id);
    await errand.clock.advance(4_999);
    expect(aborted).toEqual([]);
    await errand.clock.advance(1);
    await worker.stopped;
  });

  it("may be asked again to hurry, also after a drain", async () => {
    const { task, started, aborted } = patient();
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueue(task);
    const worker = errand.worker({ grace: "1h" });
    await worker.start();
    await started.opened;
    expect((await errand.workers.drain(worker.id)).state).toBe("draining");
    await errand.clock.advance("30m");
    expect((await errand.workers.get(worker.id))?.state).toBe("draining");
    expect((await errand.workers.stop(worker.id)).state).toBe("stopping");
    await errand.clock.advance("10m");
    expect(aborted).toEqual([]);
    await errand.workers.stop(worker.id, { grace: 0 });
    expect((await worker.stopped).asked).toBe("elsewhere");
    expect(aborted).toEqual(["shutdown"]);
  });

  it("by drain waits for what runs, however long, and begins nothing more", async () => {
    const { task, started, finish } = patient();
    await using errand = await testErrand({ tasks: [task] });
    const jobs = await errand.enqueueMany(task, [1, 2, 3], { timeout: "30d" });
    const worker = errand.worker({ concurrency: 1 });
    await worker.start();
    await started.opened;
    await errand.workers.drain(worker.id, { reason: "quiet" });
    await errand.clock.advance("3h");
    expect(await errand.stats()).toMatchObject({ running: 1, available: 2 });
    finish.open("in the end");
    expect(await worker.stopped).toMatchObject({ asked: "elsewhere", reason: "quiet" });
    expect(await errand.get(jobs[0]!.id)).toMatchObject({ state: "completed", attempt: 1 });
    expect(await errand.stats()).toMatchObject({ completed: 1, available: 2 });
  });

  it("ends a drain that is under way, which finishes what it runs", async () => {
    const { task, started, finish } = patient();
    await using errand = await testErrand({ tasks: [task] });
    await errand.enqueueMany(task, [1, 2], { timeout: "1d" });
    const worker = errand.worker({ concurrency: 1, lease: "30s" });
    const drained = worker.drain();
    await started.opened;
    await errand.clock.advance("10s");
    await errand.workers.drain(worker.id);
    await errand.clock.advance("1h");
    finish.open("done");
    expect(await drained).toMatchObject({ ended: "aborted", completed: 1, released: 0 });
    expect((await worker.stopped).asked).toBe("elsewhere");
  });

  it("is heard with the next heartbeat where nothing tells sooner", async () => {
    const { task, started } = patient();
    await using test = await onFile(task as Task);
    await using other = await testErrand({ url: test.url, clock: test.errand.clock });
    const worker = test.errand.worker({ lease: "30s", pollInterval: "1h", concurrency: 1 });
    await test.errand.enqueue(task);
    await worker.start();
    await started.opened; // it is full, and looks for nothing
    await other.workers.stop(worker.id, { grace: 0 });
    await test.errand.clock.advance(9_999);
    expect(await ids(other)).toEqual([worker.id]);
    await test.errand.clock.advance(1);
    await worker.stopped;
    expect(await ids(other)).toEqual([]);
  });

  it("is heard within about a second where it is idle on the same file", async () => {
    await using test = await onFile();
    await using other = await testErrand({ url: test.url, clock: test.errand.clock });
    const worker = test.errand.worker({ lease: "1h", pollInterval: "1h" });
    await worker.start();
    await other.workers.stop(worker.id);
    await test.errand.clock.advance("1s");
    await worker.stopped;
    expect(await ids(other)).toEqual([]);
  });

  it("and from its own process differs in who asked", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const worker = errand.worker({ name: "Ada" });
    await worker.start();
    await worker.stop();
    expect(await worker.stopped).toEqual({ worker: "Ada", id: worker.id, asked: "here" });
  });

  it("that does not exist, or no more, is NOT_FOUND", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const worker = errand.worker();
    await worker.start();
    await worker.stop();
    for (const act of ["stop", "drain"] as const) {
      await expect(errand.workers[act](worker.id)).rejects.toMatchObject({
        code: "NOT_FOUND",
        message: `Cannot ${act} worker "${worker.id}": there is no such worker, or no more`,
      });
    }
  });
});

describe("bad input", () => {
  it("to the verbs of workers is refused with what would be good", async () => {
    await using errand = await testErrand({ tasks: [work] });
    const { workers } = errand;
    const bad: (readonly [Promise<unknown>, RegExp])[] = [
      [workers.list({ limit: 0 }), /^Cannot use 0 as limit: it is a whole number from 1 to 1000$/],
      [workers.list({ cursor: 5 as never }), /^Cannot use 5 as cursor: it is the cursor of/],
      [workers.get(""), /^Cannot get worker "": an id is the text that workers.list tells$/],
      [workers.stop(7 as never), /^Cannot stop worker 7: an id is/],
      [workers.drain("x".repeat(129)), /^Cannot drain worker "x+\.\.\.: an id is/],
      [workers.stop("x", { grace: -1 }), /^Cannot use -1 as grace: a duration is/],
      [workers.stop("x", { reason: "y".repeat(201) }), /as reason: it is a text of at most 200/],
      [workers.drain("x", { reason: 5 as never }), /^Cannot use 5 as reason: it is a text/],
      [errand.list({ worker: 5 as never }), /^Cannot list jobs by worker 5: it is no text$/],
      [errand.retryMany({ worker: "x" }), /^Cannot retry jobs in state running: it is for /],
      [errand.removeMany({ worker: "x" }), /^Cannot remove jobs in state running: it is for /],
    ];
    for (const [call, message] of bad) {
      await expect(call).rejects.toMatchObject({ code: "INVALID_INPUT" });
      await expect(call).rejects.toThrow(message);
    }
  });
});

it("the types of workers are those of their documentation", async () => {
  await using errand = await testErrand({ tasks: [work] });
  const worker = errand.worker();
  expectTypeOf(errand.workers.get("x")).resolves.toEqualTypeOf<WorkerInfo | undefined>();
  expectTypeOf<WorkerInfo["state"]>().toEqualTypeOf<WorkerState>();
  expectTypeOf(worker.stopped).resolves.toEqualTypeOf<WorkerEnd>();
  expectTypeOf(errand.workers.stop).parameter(1).toEqualTypeOf<
    { readonly grace?: Duration; readonly reason?: string } | undefined
  >();
  // @ts-expect-error a drain has no grace
  await expect(errand.workers.drain("x", { grace: 0 })).rejects.toThrow("no such worker");
});

describe("where a worker runs", () => {
  it("is told as far as the runtime tells it", () => {
    const os = { hostname: () => "box" };
    const process = { pid: 7, versions: { node: "20.1.0" }, getBuiltinModule: () => os };
    const deno = (state: string) => ({ permissions: { querySync: () => ({ state }) } });
    expect(thisProcess({})).toEqual({});
    expect(thisProcess({ navigator: { userAgent: "Cloudflare-Workers" } }))
      .toEqual({ runtime: "Cloudflare-Workers" });
    expect(thisProcess({ process })).toEqual({ runtime: "Node.js/20", host: "box", pid: 7 });
    expect(thisProcess({ process, Deno: deno("granted") })).toHaveProperty("host", "box");
    expect(thisProcess({ process, Deno: deno("prompt") })).not.toHaveProperty("host");
  });
});
