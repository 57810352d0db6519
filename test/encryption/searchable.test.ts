// What cannot be had of encrypted payloads is refused as soon as it is asked for.
import { describe, expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { ring } from "../support/keys.ts";

const run = (): void => {};
const encryption = ring(1);
const plain = defineTask({ name: "plain", run });

const why = "payloads are encrypted, so the database cannot look into them; put what it is to " +
  "find into meta, which stays plain";
const tasks = {
  "an index on its payload": [
    defineTask({ name: "t", index: ["size", "a.b"], run }),
    `Cannot index size, a.b of task "t": ${why}`,
  ],
  "jobs that are unique by payload": [
    defineTask({ name: "t", unique: true, run }),
    'Cannot add task "t": payloads are encrypted, so a job cannot be unique by its payload or ' +
    "fields of it; give unique a key of your own",
  ],
  "jobs that are unique by fields": [
    defineTask({ name: "t", unique: { fields: ["size"] }, run }),
    'Cannot add task "t": payloads are encrypted, so a job cannot be unique by its payload or ' +
    "fields of it; give unique a key of your own",
  ],
  "jobs that replace each other's payload": [
    defineTask({ name: "t", unique: { key: "one", onConflict: "replace" }, run }),
    'Cannot add task "t": an encrypted payload belongs to one job and cannot replace that of ' +
    'another; use onConflict "ignore" or "reschedule"',
  ],
} as const;

describe("under encryption, a task is refused with", () => {
  it.each(Object.entries(tasks))("%s, by open as by register", async (_, [task, message]) => {
    const refused = { name: "ErrandError", code: "INVALID_INPUT", message };
    await expect(Errand.open({ url: ":memory:", tasks: [plain, task], encryption }))
      .rejects.toMatchObject(refused);
    await using errand = await testErrand({ tasks: [plain], encryption });
    expect(() => errand.register(task)).toThrow(expect.objectContaining(refused));
    await using open = await testErrand({ tasks: [task] }); // and not without encryption
    await open.enqueue(task, { size: 1 });
    expect((await open.list()).jobs).toHaveLength(1);
  });

  it("nothing that stays plain: a key of its own, meta", async () => {
    const keyed = defineTask({ name: "keyed", unique: { key: "one" }, run });
    await using errand = await testErrand({ tasks: [keyed], encryption });
    const { id } = await errand.enqueue(keyed, { a: 1 }, { meta: { a: 1 } });
    expect((await errand.enqueue(keyed, { a: 2 })).enqueued).toBe("duplicate");
    expect((await errand.list({ meta: { a: 1 } })).jobs).toMatchObject([{ id, payload: { a: 1 } }]);
  });
});

it("a search by where is refused under encryption, by each verb that takes a filter", async () => {
  await using errand = await testErrand({ tasks: [plain], encryption });
  await errand.enqueue(plain, { size: 1 });
  const filter = { task: "plain", where: { size: 1 } };
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    list: () => errand.list(filter),
    purge: () => errand.purge(filter),
    cancel: () => errand.cancelMany(filter),
    retry: () => errand.retryMany(filter),
    remove: () => errand.removeMany(filter),
  };
  for (const [verb, call] of Object.entries(calls)) {
    await expect(call()).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: `Cannot ${verb} jobs by where: ${why}`,
    });
  }
  expect(await errand.stats()).toMatchObject({ available: 1 });
});
