// The batch that completes a job together with statements of its handler: fenced, and repeatable.
import { describe, expect, it } from "vitest";
import type { CompletionRequest } from "../../src/broker.ts";
import { ErrandError } from "../../src/errors.ts";
import type { SqlStatement } from "../../src/statement.ts";
import type { Driver } from "../../src/store/driver/driver.ts";
import { migrate } from "../../src/store/migrate.ts";
import { Store } from "../../src/store/store.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import {
  claim,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { type Bench, openBench, openDriver, type Place, places } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const NOTE: SqlStatement = { sql: "INSERT INTO note VALUES (?)", args: ["done"] };

function request(
  more: Partial<CompletionRequest> = {},
  statements: readonly SqlStatement[] = [NOTE],
): CompletionRequest {
  const outcome = { kind: "complete", result: '{"ok":true}', statements } as const;
  return { ...settlement("job", "mine", outcome), outcome, repeated: false, ...more };
}

/** A store with a table of the user's, and a job that runs under lease `mine`. */
async function running(place: Place): Promise<Bench> {
  const bench = await openBench(place);
  await bench.write("CREATE TABLE note (text TEXT PRIMARY KEY)");
  await bench.write(
    "CREATE TABLE child (of TEXT REFERENCES note (text) DEFERRABLE INITIALLY DEFERRED)",
  );
  await bench.store.enqueue([newJob("job")]);
  await claim(bench.store, "mine");
  return bench;
}

const notes = async ({ rows }: Bench): Promise<number> => (await rows("SELECT * FROM note")).length;

describe.each(places)("A14: a completion with statements, at %s,", (place) => {
  it("writes the job's end, its reports, its count and the statements, and closes its lease", async () => {
    await using bench = await running(place);
    const report = { payload: "[1]", progress: "2", logs: [{ id: "log", lines: "[]" }] };
    expect(await bench.store.complete(request({ report }))).toEqual({ kind: "stored" });
    const { jobs, leases, tally, logs } = await bench.tables();
    expect(jobs.job).toMatchObject({
      ...{ state: "completed", result: '{"ok":true}', lease_id: "mine" },
      ...{ payload: "[1]", progress: "2", expire_at: bench.clock.now() + 60_000 },
    });
    expect([leases, tally, logs]).toEqual([{}, { "q completed": 1 }, [["job", "log", "[]"]]]);
    expect(await notes(bench)).toBe(1);
  });

  it("is one transaction", async () => {
    await using bench = await running(place);
    const before = bench.statements.length;
    await bench.store.complete(request());
    const after = bench.statements.slice(before).map(({ sql }) => sql.trim().split(/\s/)[0]);
    expect(after).toEqual(["UPDATE", "SELECT", "INSERT", "INSERT", "DELETE"]);
  });

  it("keeps the lease while another job runs under it", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("job"), newJob("other")]);
    await claim(bench.store, "mine");
    await bench.store.complete(request({}, []));
    expect(Object.keys((await bench.tables()).leases)).toEqual(["mine"]);
  });

  it("is recognised when it is repeated, and its statements are not run again", async () => {
    await using bench = await running(place);
    await bench.store.complete(request());
    const before = await bench.tables();
    expect(await bench.store.complete(request({ repeated: true }))).toEqual({ kind: "stored" });
    expect(await bench.tables()).toEqual(before);
    expect(await notes(bench)).toBe(1);
  });

  it("of a job that no retention keeps is recognised as well", async () => {
    await using bench = await running(place);
    const of = { retentionMs: 0 };
    expect(await bench.store.complete(request(of))).toEqual({ kind: "stored" });
    expect(await bench.tables()).toEqual({ jobs: {}, leases: {}, tally: {}, logs: [] });
    expect(await bench.store.complete(request({ ...of, repeated: true })))
      .toEqual({ kind: "stored" });
    expect(await bench.store.complete(request(of)), "another has removed it")
      .toEqual({ kind: "lost", cancelled: false });
    expect(await notes(bench)).toBe(1);
  });

  const others: Readonly<Record<string, (bench: Bench) => Promise<unknown>>> = {
    "was rescued": async ({ store, clock }) => {
      await clock.advance(LEASE_MS);
      await store.rescue(rescueAll);
    },
    "runs elsewhere": async (bench) => {
      await others["was rescued"]!(bench);
      await claim(bench.store, "other");
    },
    "was completed elsewhere": async (bench) => {
      await others["runs elsewhere"]!(bench);
      await settle(bench.store, [settlement("job", "other", outcomes.complete)]);
    },
    "has failed by its timeout": async ({ store }) => {
      await settle(store, [settlement("job", "mine", outcomes.fail)]);
    },
    "was put back": async ({ store }) => {
      await settle(store, [settlement("job", "mine", outcomes.release)]);
    },
    "was cancelled": ({ store }) => store.cancel("job", rescueAll.retentions),
    "was removed": async (bench) => {
      await others["was cancelled"]!(bench);
      await bench.store.remove("job");
    },
  };

  it.each(Object.keys(others))("of a job that %s changes nothing", async (how) => {
    await using bench = await running(place);
    await others[how]!(bench);
    const before = await bench.tables();
    for (const repeated of [false, true]) {
      expect(await bench.store.complete(request({ repeated })))
        .toEqual({ kind: "lost", cancelled: how === "was cancelled" });
    }
    expect(await bench.tables()).toEqual(before);
    expect(await notes(bench)).toBe(0);
  });

  it.each([
    ["breaks a constraint", "INSERT INTO errand_queue (name) VALUES (NULL)", "NOT NULL constraint"],
    [
      "rolls back by itself",
      "INSERT OR ROLLBACK INTO errand_queue (name) VALUES (NULL)",
      "NOT NULL constraint",
    ],
    [
      "breaks a constraint at the commit",
      "INSERT INTO child VALUES (7)",
      "FOREIGN KEY constraint failed",
    ],
    ["names no table", "INSERT INTO nowhere VALUES (1)", "no such table: nowhere"],
    ["is no SQL", "SELECT FROM WHERE", "syntax error"],
    ["fails as the fence does", "SELECT json('LEASE_LOST')", "malformed JSON"],
    ["binds too much", "SELECT ?40000", "variable number must be between"],
  ])("of which one %s is refused with the database's words", async (_, sql, words) => {
    await using bench = await running(place);
    const before = await bench.tables();
    const answer = await bench.store.complete(request({}, [NOTE, { sql, args: [] }]));
    expect(answer).toMatchObject({
      kind: "refused",
      error: { message: expect.stringContaining(words) },
    });
    expect(await bench.tables()).toEqual(before);
    expect(await notes(bench)).toBe(0);
    expect(await bench.store.complete(request()), "the connection is as good as before")
      .toEqual({ kind: "stored" });
  });

  it("rejects when it cannot be told what became of it", async () => {
    await using dir = await tempDir();
    const driver = await openDriver(place, dir.file("errand.db"));
    await migrate(driver);
    const store = new Store(failing(driver, "before"), new FakeClock());
    await store.enqueue([newJob("job")]);
    await claim(store, "mine");
    await expect(store.complete(request({}, []))).rejects.toThrow("the network is down");
    await driver.close();
  });

  it("whose answer alone was lost is found to be stored", async () => {
    await using dir = await tempDir();
    const driver = await openDriver(place, dir.file("errand.db"));
    await migrate(driver);
    const store = new Store(failing(driver, "after"), new FakeClock());
    await store.enqueue([newJob("job")]);
    await claim(store, "mine");
    expect(await store.complete(request({}, []))).toEqual({ kind: "stored" });
    await driver.close();
  });
});

/** A driver that loses completions on their way, or the answers to them. */
function failing(driver: Driver, when: "before" | "after"): Driver {
  return {
    sameClock: driver.sameClock,
    read: (statements) => driver.read(statements),
    close: () => driver.close(),
    write: async (statements) => {
      const fails = statements.some(({ sql }) => sql.includes("LEASE_LOST"));
      if (!fails) return await driver.write(statements);
      if (when === "after") await driver.write(statements);
      const cause = new TypeError("fetch failed");
      throw new ErrandError("DATABASE_UNAVAILABLE", "the network is down", { cause });
    },
  };
}
