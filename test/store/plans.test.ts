// How SQLite finds the rows of each statement: no hot one may read a whole table of jobs.
import { describe, expect, it } from "vitest";
import type { Statement } from "../../src/store/driver/driver.ts";
import {
  claim,
  LEASE_MS,
  listAll,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
  uniqueJob,
} from "../support/jobs.ts";
import { openRaw } from "../support/raw.ts";
import { type Bench, openBench } from "../support/store.ts";

/** A walk through jobs: all of them, or those of a partial index. */
const SCAN = /SCAN errand_job(?! USING (?:COVERING )?INDEX errand_job_)/;

/** By a connection of its own: an explained statement stays half-run. */
function plans({ path }: Bench, statements: readonly Statement[]): string[] {
  using raw = openRaw(path);
  return statements.flatMap(({ sql, args }) =>
    raw.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args).map((row) => String(row[3]))
  );
}

const report = { payload: "{}", progress: "1", logs: [{ id: "log", lines: "[]" }] };

const verbs: Readonly<Record<string, (bench: Bench) => Promise<unknown>>> = {
  enqueue: ({ store }) => store.enqueue([newJob("new"), newJob("late", { delayMs: 5 })]),
  "enqueue of unique jobs": ({ store }) =>
    store.enqueue([
      newJob("plain"),
      ...(["waiting", "live", "window"] as const).map((scope) => uniqueJob(scope, { scope })),
      uniqueJob("replaced", { onConflict: "replace" }),
      uniqueJob("moved", { onConflict: "reschedule" }),
    ]),
  claim: ({ store }) => claim(store, "new", ["q", "other"]),
  settle: ({ store }) =>
    settle(store, [
      settlement("a", "mine", outcomes.complete, { report }),
      settlement("b", "mine", outcomes.fail),
      settlement("c", "mine", outcomes.retry),
      settlement("d", "mine", outcomes.complete, { retentionMs: 0 }),
      settlement("missing", "mine", outcomes.complete),
    ], ["mine"]),
  "complete with statements": async ({ store }) => {
    const outcome = { ...outcomes.complete, statements: [{ sql: "SELECT 1", args: [] }] };
    const by = (lease: string) => ({ ...settlement("a", lease, outcome, { report }), outcome });
    await store.complete({ ...by("other"), repeated: false });
    await store.complete({ ...by("mine"), repeated: false });
  },
  heartbeat: ({ store }) =>
    store.heartbeat({
      leaseMs: LEASE_MS,
      leases: ["mine"],
      held: [{ id: "a", queue: "q", lease: "mine", report }],
    }),
  rescue: async ({ store, clock }) => {
    await clock.advance("1h");
    await store.rescue(rescueAll);
  },
  glimpse: ({ store }) => store.glimpse(["q", "other"]),
  "claim from a limited queue": async ({ store }) => {
    await store.setLimit("q", 100);
    expect((await claim(store, "new", ["q", "other"])).limited).toBe(true);
    await store.glimpse(["q", "other"]);
  },
  "looking for work for many": async ({ store }) => {
    await store.setLimit("q", 100);
    await store.api.waiting({ queues: ["q", "other"], most: 10, promote: false });
    await store.api.waiting({ queues: ["q", "other"], most: 10, promote: true });
  },
  "looking who has jobs": async ({ store }) => {
    expect(await store.api.standing(["a", "b"])).toHaveLength(2);
    await store.api.leaseLeftMs("mine");
    expect(await store.api.leaseQueues(["mine"])).toEqual(["q"]);
  },
  "enqueue of a request": async ({ store }) => {
    const jobs = [newJob("new"), uniqueJob("unique")];
    await store.api.enqueueOnce({ key: "k", hash: "h", keepMs: 1, jobs });
    await store.api.enqueueOnce({ key: "k", hash: "h", keepMs: 1, jobs });
    await store.api.pruneRequests(10);
  },
  get: ({ store }) => store.get("a"),
  "getting many": ({ store }) => store.getMany(["a", "b"]),
  "waiting for many": ({ store }) => store.ended(["a", "b"]),
  "reading changes": async ({ store }) => {
    const after = await store.feed.keep();
    await store.feed.changes({ after, query: { ids: ["a"], queue: "q" }, limit: 10 });
  },
  "keeping and tidying changes": async ({ store, clock }) => {
    await store.feed.keep();
    await clock.advance("1h");
    await store.feed.tidy();
  },
  logs: ({ store }) => store.logs("a"),
  cancel: ({ store }) => store.cancel("a", rescueAll.retentions),
  "retry by hand": ({ store }) => store.retry("a", null, 0),
  remove: ({ store }) => store.remove("a"),
  stats: ({ store }) => store.stats(),
  prune: ({ store }) => store.prune("a", 10),
  "list of what failed": ({ store }) => store.list({ ...listAll, states: ["failed"] }),
  "list of what is scheduled": ({ store }) => store.list({ ...listAll, states: ["scheduled"] }),
  "list of what is available": ({ store }) => store.list({ ...listAll, states: ["available"] }),
  "list of workers": ({ store }) => store.workers.list("", 10),
  "look at a worker": ({ store }) => store.workers.get("worker of mine"),
  "list of a worker's jobs": ({ store }) =>
    store.list({ ...listAll, states: ["running"], worker: "worker of mine" }),
  "cancelling a worker's jobs": async ({ store }) => {
    const query = { states: ["running"] as const, worker: "worker of mine" };
    const ids = await store.fitting(query, "", 10);
    expect(ids).toHaveLength(4);
    const { retentions } = rescueAll;
    await store.changeMany({ verb: "cancel", query, ids, retentions });
  },
  "list of what runs": ({ store }) => store.list({ ...listAll, states: ["running"] }),
};

describe("the plan", () => {
  it.each(Object.entries(verbs))("of %s reads no whole table of jobs", async (_, run) => {
    await using bench = await openBench("file");
    await bench.store.enqueue(["a", "b", "c", "d"].map((id) => newJob(id)));
    await claim(bench.store, "mine");
    bench.statements.length = 0;
    await run(bench);
    expect(bench.statements.length).toBeGreaterThan(0);
    const found = plans(bench, bench.statements);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((step) => SCAN.test(step))).toEqual([]);
  });

  it("of a claim walks only the available jobs of its queues, by their index", async () => {
    await using bench = await openBench("file");
    await claim(bench.store, "mine", ["q"]);
    const take = bench.statements.find(({ sql }) => sql.includes("INSERT INTO errand_lease"))!;
    const steps = (plans(bench, [take])).filter((step) => step.includes("errand_job"));
    expect(steps).toEqual([
      // what runs, of a queue with a limit
      "SEARCH errand_job USING PRIMARY KEY (id=?)",
      "SEARCH errand_job USING COVERING INDEX errand_job_available (queue=?)",
    ]);
  });

  it("of a scan is caught by this test", async () => {
    await using bench = await openBench("file");
    const sql = "SELECT * FROM errand_job WHERE state = 'running'";
    expect((plans(bench, [{ sql, args: [] }])).some((step) => SCAN.test(step))).toBe(true);
  });
});
