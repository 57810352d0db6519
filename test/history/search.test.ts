import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, type Errand, type Job, type JobFilter, type ListOptions } from "../../mod.ts";
import { fieldIndexName } from "../../src/store/fields.ts";
import { type TestErrand, testErrand } from "../../src/testing/mod.ts";
import { counted, errandAt, states } from "../support/place.ts";
import { openRaw } from "../support/raw.ts";
import { places } from "../support/store.ts";

const order = defineTask({
  name: `Order's (näh) "1"`,
  input: v.object({
    size: v.optional(v.union([v.number(), v.string(), v.boolean(), v.null()])),
    customer: v.optional(v.object({ id: v.number() })),
  }),
  index: ["size", "customer.id"],
  run: () => {},
});
const other = defineTask({ name: "other", run: () => {} });
const tasks = [order, other];

type Order = { readonly size?: unknown; readonly customer?: { readonly id: number } };
const payload = (job: Job): Order => job.payload as Order;

/** Every page of three, one after the other. */
async function pages(errand: Errand, options: ListOptions): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await errand.list({
      ...options,
      limit: 3,
      ...(cursor !== undefined && { cursor }),
    });
    ids.push(...page.jobs.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}

/** Thirty orders, one a second, each followed by a job of the other task. */
async function fill(errand: TestErrand): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const meta = { tenant: i % 3 === 0 ? "a" : "b", n: i % 2, on: i % 2 === 0, none: null };
    const delay = i % 5 === 0 ? 3_600_000 : 0;
    await errand.enqueue(order, { size: i % 4, customer: { id: i % 5 } }, { meta, delay });
    await errand.enqueue(other, { size: i % 4 });
    await errand.clock.advance("1s");
  }
}

const START_MS = Date.parse("2030-01-01T00:00:00Z");
const filters: readonly (readonly [JobFilter, (job: Job) => boolean])[] = [
  [{ where: { size: 2 } }, (job) => job.task === order.name && payload(job).size === 2],
  [
    { where: { "customer.id": 4, size: 3 } },
    (job) => job.task === order.name && payload(job).customer?.id === 4 && payload(job).size === 3,
  ],
  [
    { where: { size: 1 }, state: "available" },
    (job) => job.task === order.name && payload(job).size === 1 && job.state === "available",
  ],
  [
    { where: { size: 1 }, task: order.name, state: ["scheduled", "failed"] },
    (job) => job.task === order.name && payload(job).size === 1 && job.state === "scheduled",
  ],
  [{ meta: { tenant: "a" } }, ({ meta }) => meta?.tenant === "a"],
  [{ meta: { tenant: "b", n: 1 } }, ({ meta }) => meta?.tenant === "b" && meta.n === 1],
  [{ meta: { on: true, none: null } }, ({ meta }) => meta?.on === true],
  [{ meta: { on: 1 } }, () => false],
  [{ meta: { n: "1" } }, () => false],
  [{ meta: { gone: null } }, () => false],
  [{ createdAfter: START_MS + 10_000 }, ({ createdAt }) => +createdAt >= START_MS + 10_000],
  [
    { createdBefore: new Date(START_MS + 10_000) },
    ({ createdAt }) => +createdAt < START_MS + 10_000,
  ],
  [
    {
      createdAfter: "2030-01-01T00:00:05Z",
      createdBefore: "2030-01-01T00:00:20Z",
      where: { size: 0 },
      meta: { tenant: "a" },
      queue: "default",
    },
    (job) =>
      job.task === order.name && payload(job).size === 0 && job.meta?.tenant === "a" &&
      +job.createdAt >= START_MS + 5_000 && +job.createdAt < START_MS + 20_000,
  ],
];

describe.each(places)("in a store at %s", (place) => {
  it("A2, A20: each filter finds each job that fits, once, by pages in both orders", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    await fill(errand);
    const { jobs } = await errand.list({ limit: 1_000, order: "oldest" });
    expect(jobs).toHaveLength(60);
    for (const [filter, fits] of filters) {
      const wanted = jobs.filter(fits).map(({ id }) => id);
      const name = JSON.stringify(filter);
      expect(await pages(errand, { ...filter, order: "oldest" }), name).toEqual(wanted);
      expect(await pages(errand, { ...filter, order: "newest" }), name)
        .toEqual([...wanted].reverse());
      expect((await errand.removeMany(filter, { dryRun: true })).count, name)
        .toBe(wanted.length);
    }
    expect(filters.filter(([, fits]) => jobs.some(fits)).length).toBe(filters.length - 3);
  });

  it("the verbs for many take the same filters", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    await fill(errand);
    expect(await errand.cancelMany({ where: { size: 2 } })).toEqual({ count: 7 });
    expect(await errand.list({ state: "cancelled", where: { size: 2 } }))
      .toMatchObject({ jobs: { length: 7 } });
    expect(await errand.retryMany({ state: "cancelled", meta: { tenant: "a" } }))
      .toEqual({ count: 2 });
    expect(await errand.purge({ where: { size: 2 }, createdBefore: START_MS + 11_000 }))
      .toMatchObject({ count: 2 });
    expect(states(await errand.stats())).toEqual(await counted(errand));
  });

  it("a value is found by its kind: text is no number, and true is not 1", async () => {
    await using placed = await errandAt(place, { tasks });
    const { errand } = placed;
    const sizes = [1, "1", true, false, 0, null, 1.5, "it's"];
    await errand.enqueueMany(order, [...sizes.map((size) => ({ size })), {}] as never[]);
    for (const size of [1, "1", true, false, 0, 1.5, "it's"]) {
      const { jobs } = await errand.list({ where: { size } });
      expect(jobs.map((job) => payload(job).size)).toEqual([size]);
    }
    expect((await errand.list({ where: { size: null } })).jobs).toHaveLength(2);
  });

  it("C10: pages by any filter lose and repeat nothing while jobs come and go", async () => {
    const searches: readonly JobFilter[] = [
      { where: { size: 2 } },
      { meta: { tenant: "b" } },
      { createdAfter: START_MS },
    ];
    for (const filter of searches) {
      for (const direction of ["newest", "oldest"] as const) {
        await using placed = await errandAt(place, { tasks });
        const { errand } = placed;
        const meta = { tenant: "b" };
        // all in the same millisecond: a page by time alone could not tell them apart
        await errand.enqueueMany(order, Array.from({ length: 25 }, () => ({ size: 2 })), { meta });
        const before = (await errand.list({ ...filter, limit: 100 })).jobs.map(({ id }) => id);
        const seen: string[] = [];
        const gone = new Set<string>();
        let cursor: string | undefined;
        do {
          const page = await errand.list({
            ...{ ...filter, order: direction, limit: 4 },
            ...(cursor !== undefined && { cursor }),
          });
          seen.push(...page.jobs.map(({ id }) => id));
          cursor = page.cursor;
          for (const id of [cursor, before[12]]) {
            if (id === undefined || gone.has(id)) continue;
            await errand.remove(id);
            gone.add(id);
          }
          await errand.enqueue(order, { size: 3 }, { meta: { tenant: "c" } });
          if (direction === "newest") await errand.enqueue(order, { size: 2 }, { meta });
        } while (cursor !== undefined);
        expect(seen).toHaveLength(new Set(seen).size);
        expect(before).toHaveLength(25);
        expect(before.filter((id) => !gone.has(id) && !seen.includes(id))).toEqual([]);
      }
    }
  });

  it("a task that is registered later is searched by its fields as well", async () => {
    await using placed = await errandAt(place);
    const { errand } = placed;
    errand.register(order);
    await errand.enqueue(order, { size: 7 });
    expect((await errand.list({ where: { size: 7 } })).jobs).toHaveLength(1);
  });

  it("jobs from before their field was declared are found", async () => {
    await using placed = await errandAt(place);
    const { errand } = placed;
    await errand.enqueue(order.name, { size: 7 });
    errand.register(order);
    expect(await errand.purge({ where: { size: 7 } })).toEqual({ count: 0 });
    expect(await errand.cancelMany({ where: { size: 7 } })).toEqual({ count: 1 });
  });
});

describe("the index of a field", () => {
  it("is what a search by the field walks, in the order of its pages", async () => {
    await using placed = await errandAt("file", { tasks });
    const { errand, path } = placed;
    await errand.enqueue(order, { size: 7 });
    using raw = openRaw(path);
    const indexes = raw.rows("SELECT name, sql FROM sqlite_master WHERE name LIKE 'errand_field%'");
    expect(indexes.map(([, sql]) => String(sql).replace(/\s+/g, " "))).toEqual([
      expect.stringContaining(
        "ON errand_job (payload ->> '$.size', id) WHERE task = 'Order''s (näh) \"1\"'",
      ),
      expect.stringContaining("ON errand_job (payload ->> '$.customer.id', id) WHERE task = "),
    ]);
    expect(indexes.map(([name]) => name)).toEqual(
      indexes.map(([name]) => expect.stringMatching(/^[a-z0-9_]+$/) && name),
    );
  });

  it("holds no job of another task", async () => {
    await using placed = await errandAt("file", { tasks });
    const { errand, path } = placed;
    await errand.enqueueMany(other, [{ size: 7 }, { size: 8 }]);
    await errand.enqueue(order, { size: 7 });
    using raw = openRaw(path);
    const [[name]] = raw.rows("SELECT name FROM sqlite_master WHERE name LIKE 'errand_field%'") as [
      [string],
    ];
    const sql = `SELECT count(*) FROM errand_job INDEXED BY ${name} WHERE task = '${
      order.name.replace("'", "''")
    }'`;
    expect(raw.rows(sql)).toEqual([[1]]);
    const plan = raw.rows("EXPLAIN QUERY PLAN SELECT 1 FROM errand_job WHERE task = 'other'");
    expect(String(plan[0]?.[3])).not.toContain("errand_field");
  });

  it("is not made again by the next who open the file", async () => {
    await using placed = await errandAt("file", { tasks });
    const { path } = placed;
    using raw = openRaw(path);
    const version = () => raw.rows("PRAGMA data_version");
    const before = version();
    const again = await Promise.all(
      [1, 2].map(() => testErrand({ url: `file:${path}`, tasks })),
    );
    for (const one of again) await one.close();
    expect(version()).toEqual(before);
  });

  it("has one name a task and field, also where they differ only in letters' size", () => {
    const pairs = [["a", "b"], ["A", "b"], ["a", "B"], ["a_b", "c"], ["a", "b_c"], ["a b", "c"]];
    const names = pairs.map(([task, field]) => fieldIndexName(task!, field!).toLowerCase());
    expect(new Set(names).size).toBe(pairs.length);
  });
});
