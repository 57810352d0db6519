// A completion with statements whose way to the database, or back, is cut.
import { type Client, createClient, type Transaction } from "@libsql/client";
import { expect, it } from "vitest";
import type { CompletionAnswer } from "../../src/broker.ts";
import { commit } from "../../src/commit.ts";
import { Events } from "../../src/events.ts";
import { FakeClock, type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { defineTask } from "../../mod.ts";
import { outcomes, settlement } from "../support/jobs.ts";
import { tempDir } from "../support/temp.ts";

const request = { ...settlement("job", "mine", outcomes.complete), outcome: outcomes.complete };

/** A host whose broker gives `answers` in their order, an error by throwing it. */
function host(answers: readonly (CompletionAnswer | Error)[]) {
  const asked: boolean[] = [];
  const errors: unknown[] = [];
  const clock = new FakeClock();
  const events = new Events(() => {});
  events.on("error", ({ error }) => errors.push(error));
  const broker = {
    complete: ({ repeated }: { readonly repeated: boolean }) => {
      asked.push(repeated);
      const answer = answers[asked.length - 1] ?? answers.at(-1)!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  return { asked, errors, clock, events, broker };
}

it("a completion with statements is asked for until it is known what became of it", async () => {
  const down = new Error("down");
  const of = host([down, down, { kind: "stored" }]);
  const end = commit(of, request, new AbortController().signal);
  await of.clock.advance("1s");
  expect(await end).toEqual({ kind: "stored" });
  expect(of.asked).toEqual([false, true, true]);
  expect(of.errors).toEqual([down, down]);
});

it("a completion with statements that cannot be stored at all fails its attempt", async () => {
  const down = new Error("down");
  const of = host([down]);
  const end = commit(of, request, new AbortController().signal);
  await of.clock.advance("30s");
  expect(await end).toEqual({ kind: "refused", error: down });
  expect(of.asked).toHaveLength(8);
});

it("a completion with statements is given up when its worker stops", async () => {
  const of = host([new Error("down")]);
  const stopping = new AbortController();
  const end = commit(of, request, stopping.signal);
  await of.clock.advance("1s");
  stopping.abort();
  expect(await end).toEqual({ kind: "unknown" });
});

const NOTE = { sql: "INSERT INTO note VALUES ('done')" };

interface Cut extends AsyncDisposable {
  readonly errand: TestErrand;
  readonly heard: string[];
  /** What is cut now: the way there, the way back, or nothing. */
  cut: "before" | "after" | undefined;
  notes(): Promise<number>;
}

/** An Errand over a client on whose way completions, or the answers to them, get lost. */
async function openCut(): Promise<Cut> {
  const dir = await tempDir();
  const client = createClient({ url: `file:${dir.file("errand.db")}` });
  await client.execute("CREATE TABLE note (text TEXT)");
  const note = defineTask({
    name: "note",
    run: ({ complete }) => complete({ statements: [NOTE] }),
  });
  const cut: { cut: Cut["cut"] } = { cut: undefined };
  let looks = 0;
  const errand = await testErrand({
    tasks: [note],
    client: cutClient(client, () => cut.cut, () => looks-- > 0, () => looks = 1),
  });
  const heard: string[] = [];
  for (const name of ["completed", "failed", "lost", "released", "error"] as const) {
    errand.on(name, () => heard.push(name));
  }
  return Object.assign(cut, {
    ...{ errand, heard },
    notes: async () => (await client.execute("SELECT * FROM note")).rows.length,
    async [Symbol.asyncDispose]() {
      await errand.close({ grace: 0 });
      client.close();
      await dir[Symbol.asyncDispose]();
    },
  });
}

/** After each cut completion, the look at what became of it fails as well. */
function cutClient(
  client: Client,
  cut: () => Cut["cut"],
  looksAway: () => boolean,
  lost: () => void,
): Client {
  const batch: Client["batch"] = (statements, mode) =>
    looksAway() ? Promise.reject(new TypeError("fetch failed")) : client.batch(statements, mode);
  const transaction = async (mode?: "write" | "read" | "deferred"): Promise<Transaction> => {
    const tx = await client.transaction(mode ?? "deferred");
    let completes = false;
    return Object.assign(Object.create(tx) as Transaction, {
      executeMultiple: (sql: string) => tx.executeMultiple(sql),
      batch: (statements: Parameters<Transaction["batch"]>[0]) => {
        completes = statements.some((of) => (of as { sql: string }).sql.includes("LEASE_LOST"));
        return tx.batch(statements);
      },
      commit: async () => {
        const where = completes ? cut() : undefined;
        if (where !== "before") await tx.commit();
        if (where === undefined) return;
        lost();
        throw new TypeError("fetch failed");
      },
      close: () => tx.close(),
    });
  };
  return Object.assign(Object.create(client) as Client, {
    ...{ batch, transaction, protocol: client.protocol, closed: false },
    executeMultiple: (sql: string) => client.executeMultiple(sql),
    reconnect: () => client.reconnect(),
  });
}

it.each([0, "7d"] as const)(
  "a completion whose answer was lost is repeated, and writes once (retention %s)",
  async (retention) => {
    await using place = await openCut();
    place.cut = "after";
    const job = await place.errand.enqueue("note", null, { retention });
    const drained = place.errand.worker().drain();
    await expect.poll(() => place.heard).toContain("error");
    expect(await place.notes()).toBe(1);
    await place.errand.clock.advance("1s");
    await drained;
    expect(place.heard.filter((name) => name !== "error")).toEqual(["completed"]);
    expect((await place.errand.get(job.id))?.state).toBe(retention === 0 ? undefined : "completed");
    expect(await place.notes()).toBe(1);
  },
);

it("a completion that got lost is repeated, and writes once", async () => {
  await using place = await openCut();
  place.cut = "before";
  const job = await place.errand.enqueue("note");
  const drained = place.errand.worker().drain();
  await expect.poll(() => place.heard).toContain("error");
  expect(await place.notes()).toBe(0);
  place.cut = undefined;
  await place.errand.clock.advance("1s");
  await drained;
  expect(place.heard.filter((name) => name !== "error")).toEqual(["completed"]);
  expect((await place.errand.get(job.id))!.attempt).toBe(1);
  expect(await place.notes()).toBe(1);
});

it("a worker that stops while a completion gets lost gives its job back", async () => {
  await using place = await openCut();
  place.cut = "before";
  const job = await place.errand.enqueue("note", null, { timeout: "1s" });
  const worker = place.errand.worker();
  await worker.start();
  await expect.poll(() => place.heard).toContain("error");
  await place.errand.clock.advance("2s"); // the handler was in time: its timeout has no say now
  await worker.stop({ grace: 0 });
  expect(new Set(place.heard)).toEqual(new Set(["error", "released"]));
  const { state, attempt } = (await place.errand.get(job.id))!;
  expect([state, attempt]).toEqual(["available", 0]);
  place.cut = undefined;
  await place.errand.worker().drain();
  expect((await place.errand.get(job.id))!.state).toBe("completed");
  expect(await place.notes()).toBe(1);
});
