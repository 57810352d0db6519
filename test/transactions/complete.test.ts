// A handler's own writes, in the batch that completes its job.
import { createClient } from "@libsql/client";
import { describe, expect, expectTypeOf, it } from "vitest";
import { defineTask, type Job, type StatementInput, type Task } from "../../mod.ts";
import { FakeClock, runTask, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { openRaw, type Raw } from "../support/raw.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const TABLES = `
  CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0));
  CREATE TABLE ledger (job TEXT NOT NULL, cents INTEGER NOT NULL);
  INSERT INTO account VALUES ('ann', 100), ('bob', 0)`;

/** Moves cents from ann to bob, and notes it under the job's id. */
function transfer(job: string, cents: number): StatementInput[] {
  return [
    { sql: "UPDATE account SET cents = cents - ?1 WHERE name = 'ann'", args: [cents] },
    { sql: "UPDATE account SET cents = cents + ? WHERE name = 'bob';", args: [cents] },
    { sql: "INSERT INTO ledger (job, cents) VALUES (?, ?)", args: [job, cents] },
  ];
}

const pay = defineTask<number, number, string>({
  name: "pay",
  retry: { maxAttempts: 1 },
  run: ({ input, job, complete }) =>
    complete({ result: `paid ${input}`, statements: transfer(job.id, input) }),
});

interface Bank extends AsyncDisposable {
  readonly errand: TestErrand;
  readonly raw: Raw;
  readonly url: string;
  /** Cents of ann, cents of bob, rows of the ledger. */
  state(): unknown[];
}

/** A bank and a queue in one file, by `url` or by a client. */
async function openBank(tasks: Task[], by: "url" | "client" = "url"): Promise<Bank> {
  const dir: TempDir = await tempDir();
  const url = `file:${dir.file("bank.db")}`;
  const client = by === "client" ? createClient({ url }) : undefined;
  const errand = await testErrand({ tasks, ...(client === undefined ? { url } : { client }) });
  const raw = openRaw(dir.file("bank.db"));
  raw.exec(TABLES);
  return {
    ...{ errand, raw, url },
    state: () => [
      ...raw.rows("SELECT cents FROM account ORDER BY name").flat(),
      raw.rows("SELECT job FROM ledger").length,
    ],
    async [Symbol.asyncDispose]() {
      await errand.close({ grace: 0 });
      client?.close();
      raw[Symbol.dispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function ended(errand: TestErrand, job: Job): Promise<Job> {
  await errand.worker().drain();
  return (await errand.get(job.id))!;
}

describe.each(["url", "client"] as const)("A14: a completion with statements, by %s", (by) => {
  it("commits the handler's writes together with the end of its job", async () => {
    await using bank = await openBank([pay], by);
    const job = await ended(bank.errand, await bank.errand.enqueue(pay, 30));
    expect([job.state, job.result]).toEqual(["completed", "paid 30"]);
    expect(bank.state()).toEqual([70, 30, 1]);
    expect(await bank.errand.stats()).toMatchObject({ completed: 1, running: 0 });
    expect(bank.raw.rows("SELECT count(*) FROM errand_lease"), "its lease is closed").toEqual([[
      0,
    ]]);
  });

  it("of which a statement fails writes nothing, and the attempt fails with that error", async () => {
    await using bank = await openBank([pay], by);
    const { errand } = bank;
    const good = await errand.enqueue(pay, 30);
    const bad = await ended(errand, await errand.enqueue(pay, 200));
    expect(bad).toMatchObject({ state: "failed", error: { code: "HANDLER", attempt: 1 } });
    expect(bad.error!.message).toMatch(/CHECK constraint failed: cents >= 0$/);
    expect((await errand.get(good.id))!.state).toBe("completed");
    expect(bank.state()).toEqual([70, 30, 1]);
  });

  it("adds follow-up jobs, which this process's workers begin at once", async () => {
    const ran: unknown[] = [];
    const receipt = defineTask<string>({
      name: "receipt",
      run: ({ input }) => void ran.push(input),
    });
    const order = defineTask<number>({
      name: "order",
      run: async ({ input, job, complete }) => {
        const { id, statements } = await bank.errand.statements.enqueue(receipt, `for ${input}`);
        return complete({ result: id, statements: [...transfer(job.id, input), ...statements] });
      },
    });
    await using bank = await openBank([order, receipt], by);
    const job = await ended(bank.errand, await bank.errand.enqueue(order, 5));
    expect(ran).toEqual(["for 5"]);
    expect((await bank.errand.get(job.result as string))!.state).toBe("completed");
    expect(bank.state()).toEqual([95, 5, 1]);
  });

  it("whose job no retention keeps removes it with the same batch", async () => {
    await using bank = await openBank([pay], by);
    const events: string[] = [];
    bank.errand.on("completed", () => events.push("completed"));
    bank.errand.on("lost", () => events.push("lost"));
    const job = await bank.errand.enqueue(pay, 30, { retention: 0 });
    await bank.errand.worker().drain();
    expect(await bank.errand.get(job.id)).toBeUndefined();
    expect([bank.state(), events]).toEqual([[70, 30, 1], ["completed"]]);
  });
});

describe("A14: a handler that has lost its job", () => {
  it("by an expired lease writes nothing, and the one that took it over writes once", async () => {
    const steps: string[] = [];
    const slow = defineTask<number>({
      name: "pay",
      run: async ({ input, job, complete }) => {
        steps.push(`attempt ${job.attempt}`);
        await rescuer.worker().drain(); // a minute ahead: there the lease has expired
        return complete({ statements: transfer(job.id, input) });
      },
    });
    await using bank = await openBank([slow]);
    const clock = new FakeClock(bank.errand.clock.now() + 60_000);
    const { url } = bank;
    await using rescuer = await testErrand({ url, tasks: [{ ...pay, policy: {} }], clock });
    bank.errand.on("completed", () => steps.push("completed"));
    bank.errand.on("lost", ({ reason }) => steps.push(reason));
    const job = await bank.errand.enqueue(slow, 30);
    await bank.errand.worker().drain();
    expect(steps).toEqual(["attempt 1", "LEASE_LOST"]);
    expect(await bank.errand.get(job.id)).toMatchObject({ state: "completed", attempt: 2 });
    expect(bank.state()).toEqual([70, 30, 1]);
  });

  it("because it was cancelled elsewhere, or removed, writes nothing", async () => {
    const lost: string[] = [];
    const slow = defineTask<string>({
      name: "slow",
      run: async ({ input, job, complete }) => {
        await elsewhere.cancel(job.id);
        if (input === "remove") await elsewhere.remove(job.id);
        return complete({ statements: transfer(job.id, 30) });
      },
    });
    await using bank = await openBank([slow]);
    await using elsewhere = await testErrand({ url: bank.url });
    bank.errand.on("lost", ({ reason }) => lost.push(reason));
    await bank.errand.enqueue(slow, "cancel");
    await bank.errand.enqueue(slow, "remove");
    await bank.errand.enqueue(slow, "remove", { retention: 0 });
    await bank.errand.worker({ concurrency: 1 }).drain();
    expect(lost).toEqual(["CANCELLED", "LEASE_LOST", "LEASE_LOST"]);
    expect(bank.state()).toEqual([100, 0, 0]);
  });

  it("by its timeout writes nothing", async () => {
    const late = defineTask<unknown>({
      name: "late",
      timeout: "5s",
      retry: { maxAttempts: 1 },
      run: async ({ job, complete, signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return complete({ statements: transfer(job.id, 30) });
      },
    });
    await using bank = await openBank([late]);
    const job = await bank.errand.enqueue(late);
    const drained = bank.errand.worker().drain();
    await expect.poll(() => bank.errand.get(job.id)).toMatchObject({ state: "running" });
    await bank.errand.clock.advance("5s");
    await drained;
    expect((await bank.errand.get(job.id))!.error).toMatchObject({ code: "TIMEOUT" });
    expect(bank.state()).toEqual([100, 0, 0]);
  });
});

describe("a handler's call of complete", () => {
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ["text", "SELECT 1", 'is "SELECT 1", not { sql, args }'],
    ["nothing", undefined, "is undefined, not { sql, args }"],
    ["no SQL", { sql: "  -- nothing\n;" }, 'begins with ""'],
    ["BEGIN", { sql: "begin" }, 'begins with "BEGIN"'],
    ["COMMIT", { sql: "/* now */ COMMIT" }, 'begins with "COMMIT"'],
    ["ROLLBACK", { sql: ";ROLLBACK" }, 'begins with "ROLLBACK"'],
    ["SAVEPOINT", { sql: "SAVEPOINT a" }, 'begins with "SAVEPOINT"'],
    ["PRAGMA", { sql: "PRAGMA journal_mode = OFF" }, 'begins with "PRAGMA"'],
    ["two", { sql: "SELECT ';--'; /* and */ COMMIT" }, "holds more than one statement"],
    ["a name", { sql: "SELECT :id", args: [1] }, "has the parameter :id"],
    ["too few values", { sql: "SELECT ?, ?2, ?1", args: [1] }, "takes 2 values and args has 1"],
    ["too many", { sql: "SELECT '?', \"?\"", args: [1] }, "takes 0 values and args has 1"],
    ["undefined", { sql: "SELECT ?", args: [undefined] }, "has undefined in args[0]"],
    ["an object", { sql: "SELECT ?, ?", args: [1, { a: 1 }] }, 'has {"a":1} in args[1]'],
    ["true", { sql: "SELECT ?", args: [true] }, "has true in args[0]"],
    ["NaN", { sql: "SELECT ?", args: [NaN] }, "has NaN in args[0]"],
    ["a large bigint", { sql: "SELECT ?", args: [2n ** 63n] }, "has 9223372036854775808n in args"],
    ["half a character", { sql: "SELECT ?", args: ["\ud800"] }, "in args[0]"],
    ["args by name", { sql: "SELECT 1", args: { a: 1 } }, 'has {"a":1} as args'],
  ];

  it.each(wrong)(
    "with %s for a statement fails its attempt, and says which",
    async (_, bad, why) => {
      const task = defineTask({
        name: "task",
        retry: { maxAttempts: 1 },
        run: ({ complete }) =>
          complete({ statements: [{ sql: "SELECT 1" }, bad as StatementInput] }),
      });
      const { outcome, error } = await runTask(task);
      expect([outcome, error!.code, error!.name]).toEqual(["failed", "HANDLER", "ErrandError"]);
      expect(error!.message).toMatch(/^Cannot complete job \S+: statements\[1\] /);
      expect(error!.message).toContain(why);
    },
  );

  it("with what is no list of statements fails its attempt", async () => {
    const task = defineTask({
      name: "task",
      run: ({ complete }) => complete({ statements: "SELECT 1" as unknown as StatementInput[] }),
    });
    expect((await runTask(task)).error!.message).toMatch(
      /: statements is "SELECT 1", not an array/,
    );
  });

  it("that it does not return fails its attempt, as its writes would be lost unseen", async () => {
    const task = defineTask({
      name: "task",
      retry: { maxAttempts: 1 },
      run: ({ complete }) => {
        complete({ result: 1, statements: [{ sql: "SELECT 1" }] });
        return 2;
      },
    });
    const { outcome, error } = await runTask(task);
    expect(outcome).toBe("failed");
    expect(error!.message).toContain("return complete({ … })");
  });

  it("without statements is what returning the result is", async () => {
    const task = defineTask({
      name: "task",
      run: ({ complete }) => complete({ result: { a: 1 } }),
    });
    expect(await runTask(task)).toMatchObject({ outcome: "completed", result: { a: 1 } });
    const none = defineTask({ name: "none", run: ({ complete }) => complete({}) });
    expect(await runTask(none)).toMatchObject({ outcome: "completed", result: null });
    await using errand = await testErrand({ tasks: [task] });
    expect((await ended(errand, await errand.enqueue(task))).result).toEqual({ a: 1 });
  });

  it("shows its statements to a test that has no database", async () => {
    const { result, statements } = await runTask(pay, 7, { job: { id: "job" } });
    expect(result).toBe("paid 7");
    expect(statements!.at(-1)!.args).toEqual(["job", 7]);
  });

  it("takes bytes, bigints and nulls as values, and statements that read", async () => {
    const task = defineTask({
      name: "task",
      run: ({ complete }) =>
        complete({
          statements: [
            { sql: "SELECT count(*) FROM account" },
            { sql: "WITH n AS (SELECT 1) UPDATE account SET cents = 9 WHERE name = 'bob'" },
            {
              sql: "INSERT INTO bits VALUES (?, ?, ?) RETURNING a",
              args: [new Uint8Array([1, 255]), 2n ** 60n, null],
            },
          ],
        }),
    });
    await using bank = await openBank([task]);
    bank.raw.exec("CREATE TABLE bits (a BLOB, b INTEGER, c TEXT)");
    await bank.errand.enqueue(task);
    await bank.errand.worker().drain();
    expect(bank.raw.rows("SELECT hex(a), cast(b AS TEXT), c FROM bits")).toEqual([
      ["01FF", `${2n ** 60n}`, null],
    ]);
  });

  it("gives the task the type of the result", () => {
    const plain = defineTask({
      name: "plain",
      run: ({ complete }) => complete({ result: { a: 1 }, statements: [] }),
    });
    expectTypeOf(plain).toEqualTypeOf<Task<unknown, unknown, { a: number }>>();
    const none = defineTask({ name: "none", run: ({ complete }) => complete({ statements: [] }) });
    expectTypeOf(none).toEqualTypeOf<Task<unknown, unknown, null>>();
    const mixed = defineTask({
      name: "mixed",
      run: async ({ complete, snooze, job }) => {
        await Promise.resolve();
        if (job.attempt === 1) return snooze("5s");
        return job.attempt === 2 ? 5 : complete({ result: 6 });
      },
    });
    expectTypeOf(mixed).toEqualTypeOf<Task<unknown, unknown, number>>();
  });
});
