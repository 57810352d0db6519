// Every verb from every starting state: what it changes, what it answers, and that it changes
// nothing else.
import { describe, expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import {
  claim,
  jobError,
  LEASE_MS,
  newJob,
  outcomes,
  rescueAll,
  settle,
  settlement,
} from "../support/jobs.ts";
import { type Bench, type Fields, openBench, places, type Tables } from "../support/store.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
/** When the verb comes: a second after the job was made. */
const NOW = START + 1_000;
const KEPT = { defaultMs: 60_000, tasks: {} };

/** How the job comes to be in each state; `"mine"` is the lease that the verbs name. */
const states = {
  scheduled: async ({ store }) => {
    await store.enqueue([newJob("job", { delayMs: 900_000 })]);
  },
  available: async ({ store }) => {
    await store.enqueue([newJob("job")]);
  },
  "running under this lease": async (bench) => {
    await states.available(bench);
    await claim(bench.store, "mine");
  },
  "running under another lease": async (bench) => {
    await states.available(bench);
    await claim(bench.store, "other", ["q"], { leaseMs: 900_000 });
  },
  "completed under this lease": async (bench) => {
    await states["running under this lease"](bench);
    await settle(bench.store, [settlement("job", "mine", outcomes.complete)], ["mine"]);
  },
  "completed under another lease": async (bench) => {
    await states["running under another lease"](bench);
    await settle(bench.store, [settlement("job", "other", outcomes.complete)], ["other"]);
  },
  "failed under another lease": async (bench) => {
    await states["running under another lease"](bench);
    await settle(bench.store, [settlement("job", "other", outcomes.fail)], ["other"]);
  },
  cancelled: async (bench) => {
    await states["running under this lease"](bench);
    await bench.store.cancel("job", KEPT);
  },
  missing: () => Promise.resolve(),
} satisfies Record<string, (bench: Bench) => Promise<void>>;

type StartingState = keyof typeof states;
const startingStates = Object.keys(states) as readonly StartingState[];

/** What a verb does to the job's row, its leases and the tally; `"removed"` takes the row away. */
interface Effect {
  readonly job?: Fields | "removed";
  readonly leases?: Readonly<Record<string, Fields | "removed">>;
  readonly tally?: Readonly<Record<string, number>>;
}

interface Verb {
  /** What must be so before the verb comes, and is no part of its effect. */
  readonly stage?: (bench: Bench) => Promise<void>;
  readonly run: (store: Store) => Promise<unknown>;
  /** Where the verb has an effect; everywhere else it changes nothing. */
  readonly effects: Partial<Record<StartingState, Effect>>;
  /** What it answers: where it has an effect, and for each other state. */
  readonly answer: (start: StartingState) => unknown;
}

const ended = { ended_at: NOW, expire_at: NOW + 60_000 };
const live = {
  ...{ state: "available", run_at: NOW, attempt: 0, lease_id: null, started_at: null },
  ...{ ended_at: null, expire_at: null, result: null, progress: null },
};
const expiredError = {
  code: "LEASE_EXPIRED",
  name: "LeaseExpired",
  message: "The worker stopped sending heartbeats: it was killed, cut off, or blocked",
  attempt: 1,
  at: NOW,
};

/** Now or, by the same outcome, before. */
const settled = (start: StartingState, kind: keyof typeof outcomes): boolean =>
  start === "running under this lease" ||
  start === "completed under this lease" && kind === "complete";

function outcomeVerb(kind: keyof typeof outcomes, effect: Effect): Verb {
  return {
    run: async (store) => {
      const { lost } = await settle(store, [settlement("job", "mine", outcomes[kind])]);
      return [...lost];
    },
    effects: { "running under this lease": effect },
    answer: (start) => settled(start, kind) ? [] : ["job"],
  };
}

function expireMine({ write }: Bench): Promise<void> {
  return write("UPDATE errand_lease SET expires_at = 1 WHERE id = 'mine'");
}

/** The state as the store names it. */
function plain(start: StartingState): string | null {
  return start === "missing" ? null : start.split(" ")[0]!;
}

const taken: Effect = {
  job: { state: "running", attempt: 1, lease_id: "new", started_at: NOW },
  leases: {
    new: {
      ...{ id: "new", worker: "worker of new", expires_at: NOW + LEASE_MS },
      jobs: '["job"]',
    },
  },
};
const cancelled: Effect = {
  job: { state: "cancelled", lease_id: null, ...ended },
  tally: { "q cancelled": 1 },
};

const verbs: Readonly<Record<string, Verb>> = {
  claim: {
    run: async (store) => (await claim(store, "new")).jobs.map(({ id, lease }) => [id, lease]),
    effects: { available: taken },
    answer: (start) => start === "available" ? [["job", "new"]] : [],
  },
  complete: outcomeVerb("complete", {
    job: { state: "completed", result: '{"done":true}', ...ended },
    tally: { "q completed": 1 },
  }),
  fail: outcomeVerb("fail", {
    job: { state: "failed", errors: JSON.stringify([jobError()]), ...ended },
    tally: { "q failed": 1 },
  }),
  "fail with a retry": outcomeVerb("retry", {
    job: { state: "scheduled", run_at: NOW + 5_000, errors: JSON.stringify([jobError()]) },
  }),
  snooze: outcomeVerb("snooze", { job: { state: "scheduled", run_at: NOW + 7_000, attempt: 0 } }),
  release: outcomeVerb("release", { job: { state: "available", attempt: 0 } }),
  heartbeat: {
    run: async (store) => {
      const held = [{ id: "job", queue: "q", lease: "mine" }];
      return (await store.heartbeat({ leaseMs: LEASE_MS, leases: ["mine"], held })).lost;
    },
    effects: {
      "running under this lease": { leases: { mine: { expires_at: NOW + LEASE_MS } } },
      cancelled: { leases: { mine: { expires_at: NOW + LEASE_MS } } },
    },
    answer: (start) =>
      start === "running under this lease" ? [] : [{ id: "job", state: plain(start) }],
  },
  rescue: {
    stage: expireMine,
    run: async (store) => (await store.rescue(rescueAll)).jobs,
    effects: {
      "running under this lease": {
        job: { state: "available", lease_id: null, errors: JSON.stringify([expiredError]) },
        leases: { mine: "removed" },
      },
      cancelled: { leases: { mine: "removed" } },
    },
    answer: (start) =>
      start === "running under this lease"
        ? [{ id: "job", task: "task", queue: "q", attempt: 1, state: "available" }]
        : [],
  },
  "rescue without an attempt left": {
    stage: expireMine,
    run: async (store) =>
      (await store.rescue({ ...rescueAll, maxAttempts: 1 })).jobs.map(({ state }) => state),
    effects: {
      "running under this lease": {
        job: { state: "failed", lease_id: null, errors: JSON.stringify([expiredError]), ...ended },
        leases: { mine: "removed" },
        tally: { "q failed": 1 },
      },
      cancelled: { leases: { mine: "removed" } },
    },
    answer: (start) => start === "running under this lease" ? ["failed"] : [],
  },
  cancel: {
    run: async (store) => {
      const { job, changed } = await store.cancel("job", KEPT);
      return [changed, job?.state ?? null];
    },
    effects: {
      scheduled: cancelled,
      available: cancelled,
      "running under this lease": cancelled,
      "running under another lease": cancelled,
    },
    answer: (start) =>
      /^(scheduled|available|running)/.test(start) ? [true, "cancelled"] : [false, plain(start)],
  },
  "retry by hand": {
    run: async (store) => {
      const { job, changed } = await store.retry("job", null, 0);
      return [changed, job?.state ?? null];
    },
    effects: {
      "completed under this lease": { job: live, tally: { "q completed": -1 } },
      "completed under another lease": { job: live, tally: { "q completed": -1 } },
      "failed under another lease": { job: live, tally: { "q failed": -1 } },
      cancelled: { job: live, tally: { "q cancelled": -1 } },
    },
    answer: (start) =>
      /^(completed|failed|cancelled)/.test(start) ? [true, "available"] : [false, plain(start)],
  },
  remove: {
    run: async (store) => {
      const { job, changed } = await store.remove("job");
      return [changed, job?.state ?? null];
    },
    effects: {
      scheduled: { job: "removed" },
      available: { job: "removed" },
      "completed under this lease": { job: "removed", tally: { "q completed": -1 } },
      "completed under another lease": { job: "removed", tally: { "q completed": -1 } },
      "failed under another lease": { job: "removed", tally: { "q failed": -1 } },
      cancelled: { job: "removed", tally: { "q cancelled": -1 } },
    },
    answer: (start) => [!/^(running|missing)/.test(start), plain(start)],
  },
  promote: {
    stage: ({ write }) => write("UPDATE errand_job SET run_at = ?1 WHERE id = 'job'", NOW),
    run: async (store) => (await claim(store, "new", ["an empty queue"])).jobs,
    effects: { scheduled: { job: { state: "available" } } },
    answer: () => [],
  },
};

describe.each(places)("in a store at %s", (place) => {
  describe.each(Object.entries(verbs))("%s", (_, verb) => {
    it.each(startingStates)(
      "of a job that is %s changes what it says and no more",
      async (start) => {
        await using bench = await openBench(place);
        await addNeighbours(bench);
        await states[start](bench);
        await bench.clock.advance(1_000);
        await verb.stage?.(bench);
        const before = await bench.tables();

        expect(await verb.run(bench.store)).toEqual(verb.answer(start));

        expect(await bench.tables()).toEqual(expected(before, verb.effects[start] ?? {}));
      },
    );
  });
});

/** Jobs in every state that no verb is about, some of them in the same queue. */
async function addNeighbours({ store }: Bench): Promise<void> {
  const ids = ["completed", "failed", "cancelled", "running", "available"];
  const lease = "neighbours' lease";
  await store.enqueue([
    ...ids.map((id) => newJob(`neighbour ${id}`, { queue: "other" })),
    newJob("neighbour scheduled", { delayMs: 9_000_000 }),
  ]);
  await claim(store, lease, ["other"], { limit: 4, leaseMs: 9_000_000 });
  const of = (id: string): [string, string] => [`neighbour ${id}`, lease];
  await settle(store, [
    settlement(...of("completed"), outcomes.complete, { queue: "other" }),
    settlement(...of("failed"), outcomes.fail, { queue: "other" }),
  ]);
  await store.cancel("neighbour cancelled", KEPT);
}

function expected(before: Tables, { job, leases = {}, tally = {} }: Effect): Tables {
  return {
    ...before,
    jobs: patched(before.jobs, job === undefined ? {} : { job }),
    leases: patched(before.leases, leases),
    tally: counted(before.tally, tally),
  };
}

function patched(
  rows: Tables["jobs"],
  patches: Readonly<Record<string, Fields | "removed">>,
): Tables["jobs"] {
  const next = { ...rows };
  for (const [id, patch] of Object.entries(patches)) {
    if (patch === "removed") delete next[id];
    else next[id] = { ...next[id], ...patch };
  }
  return next;
}

function counted(
  tally: Tables["tally"],
  changes: Readonly<Record<string, number>>,
): Tables["tally"] {
  const next = { ...tally };
  for (const [key, n] of Object.entries(changes)) {
    const sum = Number(next[key] ?? 0) + n;
    if (sum === 0) delete next[key];
    else next[key] = sum;
  }
  return next;
}
