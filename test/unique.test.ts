import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { defineTask, Errand, type UniqueOptions } from "../mod.ts";
import { testErrand } from "../src/testing/mod.ts";
import { canonicalJson } from "../src/unique.ts";
import { stored } from "./support/jobs.ts";
import { openRaw } from "./support/raw.ts";
import { spawnTs } from "./support/spawn.ts";
import { tempDir } from "./support/temp.ts";

const mail = defineTask({
  name: "mail",
  input: v.object({ to: v.string(), text: v.optional(v.string()) }),
  run: ({ input }) => input.text ?? null,
});

describe("a unique job", () => {
  it("A8: content that already waits is not added again", async () => {
    const push = defineTask({ name: "push", unique: { scope: "waiting" }, run: () => "done" });
    await using errand = await testErrand({ tasks: [push] });
    const first = await push.enqueue(errand, ["a", { b: 1, c: null }, 3]);
    const again = await push.enqueue(errand, ["a", { c: null, b: 1 }, 3]);
    expect(first.enqueued).toBe("inserted");
    expect(again).toEqual({ ...first, enqueued: "duplicate" });
    expect((await push.enqueue(errand, ["a", { b: 1, c: null }, 4])).enqueued).toBe("inserted");
    await errand.worker().drain();
    expect((await push.enqueue(errand, ["a", { b: 1, c: null }, 3])).enqueued).toBe("inserted");
  });

  it("A2: a field whose value is unique among live jobs is refused a second time", async () => {
    await using errand = await testErrand({ tasks: [mail] });
    const unique = { fields: ["to"] };
    const first = await errand.enqueue(mail, { to: "ann", text: "hello" }, { unique });
    const second = await errand.enqueue(mail, { to: "ann", text: "bye" }, { unique });
    const third = await errand.enqueue(mail, { to: "bob", text: "hello" }, { unique });
    expect([second.id, second.payload]).toEqual([first.id, { to: "ann", text: "hello" }]);
    expect(third.enqueued).toBe("inserted");
  });

  it("is a duplicate of one that runs, and is answered with it as it stands", async () => {
    let run: () => void = () => {};
    const gate = new Promise<void>((resolve) => run = resolve);
    const slow = defineTask({ name: "slow", unique: true, run: () => gate });
    await using errand = await testErrand({ tasks: [slow] });
    const { id } = await errand.enqueue(slow, { n: 1 });
    const started = new Promise<void>((resolve) => errand.on("started", () => resolve()));
    const drained = errand.worker().drain();
    await started;
    const again = await errand.enqueue(slow, { n: 1 }, { unique: { onConflict: "replace" } });
    expect(again).toMatchObject({ id, state: "running", attempt: 1, enqueued: "duplicate" });
    run();
    await drained;
    expect((await errand.enqueue(slow, { n: 1 })).enqueued).toBe("inserted");
  });

  it("by a throttle runs at most once per window, even when it has ended", async () => {
    await using errand = await testErrand({ tasks: [mail] });
    const throttle = { unique: { fields: ["to"], window: "1h" } } as const;
    const words = async () => (await errand.enqueue(mail, { to: "ann" }, throttle)).enqueued;
    expect(await words()).toBe("inserted");
    await errand.worker().drain();
    await errand.clock.advance("59m");
    expect(await words()).toBe("duplicate");
    await errand.clock.advance("1m");
    expect(await words()).toBe("inserted");
  });

  it("by a debounce runs once, when nothing has asked for it for a while", async () => {
    let runs = 0;
    const index = defineTask({
      name: "index",
      unique: { scope: "waiting", onConflict: "reschedule" },
      run: () => void runs++,
    });
    await using errand = await testErrand({ tasks: [index] });
    for (let i = 0; i < 5; i++) {
      await errand.enqueue(index, { doc: 1 }, { delay: "10s" });
      await errand.clock.advance("9s");
      await errand.worker().drain();
    }
    expect(runs).toBe(0);
    await errand.clock.advance("1s");
    await errand.worker().drain();
    expect(runs).toBe(1);
    expect((await errand.list()).jobs).toHaveLength(1);
  });

  it("replaces the payload of the one that waits", async () => {
    await using errand = await testErrand({ tasks: [mail] });
    const unique = { fields: ["to"], onConflict: "replace" } as const;
    const { id } = await errand.enqueue(mail, { to: "ann", text: "old" }, { unique });
    const again = await errand.enqueue(mail, { to: "ann", text: "new" }, { unique });
    expect(again).toMatchObject({ id, payload: { to: "ann", text: "new" } });
    await errand.worker().drain();
    expect((await errand.get(id))?.result).toBe("new");
  });

  it("is unique within its task, whatever its queue", async () => {
    const other = defineTask({ name: "other", run: () => 1 });
    await using errand = await testErrand({ tasks: [mail, other] });
    const unique = { key: "the one" };
    const first = await errand.enqueue(mail, { to: "ann" }, { unique });
    const second = await errand.enqueue(mail, { to: "bob" }, { unique, queue: "elsewhere" });
    const third = await errand.enqueue(other, { to: "ann" }, { unique });
    expect([first, second, third].map(({ enqueued }) => enqueued))
      .toEqual(["inserted", "duplicate", "inserted"]);
  });

  it("says so itself, instead of its task", async () => {
    const once = defineTask({ name: "once", unique: { window: "1h" }, run: () => 1 });
    await using errand = await testErrand({ tasks: [once] });
    await errand.enqueue(once, 1);
    expect((await errand.enqueue(once, 1, { unique: false })).enqueued).toBe("inserted");
    expect((await errand.enqueue(once, 1, { priority: 5 })).enqueued).toBe("duplicate");
    expect((await errand.enqueue("once", 1)).enqueued).toBe("duplicate");
    expect((await errand.enqueue(once, 1, { unique: { key: "x" } })).enqueued).toBe("inserted");
  });

  it("counts once among many of one call, and plain jobs beside it stay plain", async () => {
    await using errand = await testErrand({ tasks: [mail] });
    const heard: string[] = [];
    errand.on("enqueued", ({ job }) => heard.push(job.id));
    const to = { to: "ann" };
    const jobs = await errand.enqueueMany([
      { task: mail, payload: to, unique: true },
      { task: mail, payload: to },
      { task: "mail", payload: { ...to }, unique: true },
      { task: mail, payload: to, unique: { key: "k" } },
    ]);
    const words = jobs.map(({ enqueued }) => enqueued);
    expect(words).toEqual(["inserted", "inserted", "duplicate", "inserted"]);
    expect(jobs[2]!.id).toBe(jobs[0]!.id);
    expect(heard).toEqual([0, 1, 3].map((index) => jobs[index]!.id));
    for (const job of jobs) expect(await errand.get(job.id)).toEqual(stored(job));
    const many = await errand.enqueueMany(mail, [to, { to: "bob" }, { to: "bob" }], {
      unique: true,
    });
    expect(many.map(({ enqueued }) => enqueued)).toEqual(["duplicate", "inserted", "duplicate"]);
  });
});

describe("many that enqueue the same unique job at once", () => {
  it("in one process insert exactly one", async () => {
    await using errand = await testErrand({ tasks: [mail] });
    const jobs = await Promise.all(
      Array.from({ length: 50 }, () => errand.enqueue(mail, { to: "ann" }, { unique: true })),
    );
    expect(jobs.filter(({ enqueued }) => enqueued === "inserted")).toHaveLength(1);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
  });

  it("in three processes insert exactly one of each", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await (await Errand.open({ url: `file:${path}` })).close();
    const env = { ERRAND_PATH: path, ERRAND_START: String(Date.now() + 2_000) };
    const file = "test/support/children/enqueue-unique.ts";
    await using first = await spawnTs("node", file, env);
    await using second = await spawnTs("node", file, env);
    await using third = await spawnTs("node", file, env);
    const words = await Promise.all([first, second, third].map(async (child) => {
      expect(await child.nextLine()).toBe("ready");
      return JSON.parse(await child.nextLine()) as string[];
    }));
    for (let n = 0; n < 50; n++) {
      expect(words.map((of) => of[n]).sort()).toEqual(["duplicate", "duplicate", "inserted"]);
    }
    using raw = openRaw(path);
    expect(raw.rows("SELECT count(*), count(DISTINCT unique_key) FROM errand_job"))
      .toEqual([[50, 50]]);
  });
});

describe("canonical JSON", () => {
  /** The same value with the keys of every object in the opposite order. */
  function turned(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).reverse();
    return Object.fromEntries(entries.map(([key, member]) => [key, turned(member)]));
  }

  it("is the same for every order of keys, and reads back as the same value", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(turned(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }));
  });

  it("is another text for another value, also for another order of an array", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [plainA, plainB] = [a, b].map((value) => JSON.parse(JSON.stringify(value)) as unknown);
      const same = canonicalJson(plainA) === canonicalJson(plainB);
      expect(same).toBe(JSON.stringify(sorted(plainA)) === JSON.stringify(sorted(plainB)));
    }));
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: "1" }));
    expect(canonicalJson({ a: null })).not.toBe(canonicalJson({}));
  });

  /** Another way to the same end: objects as sorted lists of pairs. */
  function sorted(value: unknown): unknown {
    if (Array.isArray(value)) return ["array", ...value.map(sorted)];
    if (typeof value !== "object" || value === null) return value;
    const keys = Object.keys(value).sort();
    const members = value as Readonly<Record<string, unknown>>;
    return ["object", ...keys.map((key) => [key, sorted(members[key])])];
  }

  it("leaves out what JSON leaves out, so that such payloads are the same", async () => {
    await using errand = await testErrand();
    const at = new Date(0);
    await errand.enqueue("t", { a: 1, b: undefined, at }, { unique: true });
    const again = await errand.enqueue("t", { at: at.toJSON(), a: 1 }, { unique: true });
    expect(again.enqueued).toBe("duplicate");
  });
});

const bad: readonly (readonly [string, unknown, RegExp])[] = [
  ["a word", "yes", /Cannot use "yes" as unique .*: it is true, false or an object$/],
  ["nothing", null, /Cannot use null as unique/],
  ["a list", ["a"], /Cannot use \["a"\] as unique/],
  ["both fields and a key", { fields: ["a"], key: "k" }, /they exclude each other$/],
  ["fields that are no list", { fields: "a" }, /array of 1 to 32 names$/],
  ["no field at all", { fields: [] }, /array of 1 to 32 names$/],
  ["a field without a name", { fields: [1] }, /array of 1 to 32 names$/],
  ["an empty key", { key: "" }, /text of 1 to 512 characters$/],
  ["a key that is too long", { key: "k".repeat(513) }, /text of 1 to 512 characters$/],
  ["a key that is a number", { key: 5 }, /Cannot use 5 as key of unique/],
  ["an unknown scope", { scope: "ever" }, /it is "waiting" or "live" or "window"$/],
  ["an unknown policy", { onConflict: "fail" }, /"ignore" or "replace" or "reschedule"$/],
  ["a scope of a window without one", { scope: "window" }, /there is no window; add window: "1h"$/],
  ["a window beside another scope", { scope: "live", window: "1h" }, /leave one of them out$/],
  ["a window of no length", { window: 0 }, /Cannot use 0 as window/],
  ["a window that is no duration", { window: "soon" }, /Cannot use "soon" as window of unique/],
];

describe("what cannot be unique", () => {
  it.each(bad)("%s is refused, by a task as by a job", async (_, unique, message) => {
    await using errand = await testErrand({ tasks: [mail] });
    const refused = { code: "INVALID_INPUT", message: expect.stringMatching(message) };
    const wrong = unique as UniqueOptions;
    await expect(errand.enqueue(mail, { to: "a" }, { unique: wrong })).rejects.toMatchObject(
      refused,
    );
    expect(() => defineTask({ name: "t", unique: wrong, run: () => 1 }))
      .toThrow(expect.objectContaining(refused));
    expect((await errand.stats()).available).toBe(0);
  });

  it.each([[{ to: "a" }], [{ text: undefined }], [["text"]], ["text"], [null], [{ Text: 1 }]])(
    "a payload without one of the fields is refused: %j",
    async (payload) => {
      await using errand = await testErrand();
      await expect(errand.enqueue("mail", payload, { unique: { fields: ["text"] } }))
        .rejects.toMatchObject({
          code: "INVALID_INPUT",
          message: 'Cannot enqueue "mail": its payload has no field "text", by which it is to be ' +
            "unique; pass it, or name other fields",
          issues: [{ path: ["text"] }],
        });
      const entries = [1, 2].map(() => ({ task: "mail", payload, unique: { fields: ["text"] } }));
      await expect(errand.enqueueMany(entries)).rejects.toMatchObject({ code: "INVALID_INPUT" });
      expect((await errand.stats()).available).toBe(0);
    },
  );

  it("a job that its retention removes before its window is over is refused", async () => {
    await using errand = await testErrand();
    const unique = { window: "1h" } as const;
    const refused = expect.stringMatching(/retention removes its jobs after 0 ms.*lengthen/);
    await expect(errand.enqueue("t", 1, { unique, retention: 0 }))
      .rejects.toMatchObject({ code: "INVALID_INPUT", message: refused });
    expect(() => defineTask({ name: "t", unique, retention: 0, run: () => 1 })).toThrow(/lengthen/);
    await errand.enqueue("t", 1, { unique, retention: "1h" });
    await errand.enqueue("t", 2, { unique, retention: "forever" });
  });
});
