import { expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";

const key = new Uint8Array(32).fill(7);
const encryption = { keys: { k: key }, current: "k" };
const task = defineTask({ name: "task", run: () => {} });

it("a job is not made unique by an encrypted payload, whose hash would tell of it", async () => {
  await using errand = await testErrand({ tasks: [task], encryption });
  for (const unique of [true, { fields: ["a"] }] as const) {
    await expect(errand.enqueue(task, { a: 1 }, { unique })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/^Cannot enqueue "task": payloads are encrypted.*key/),
    });
  }
});

it("an encrypted payload does not replace that of another job", async () => {
  await using errand = await testErrand({ tasks: [task], encryption });
  const unique = { key: "one", onConflict: "replace" } as const;
  await expect(errand.enqueue(task, { a: 1 }, { unique })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/^Cannot enqueue "task": an encrypted payload/),
  });
});

it("a duplicate of an encrypted job is answered in plain", async () => {
  await using errand = await testErrand({ tasks: [task], encryption });
  const first = await errand.enqueue(task, { a: 1 }, { unique: { key: "one" } });
  const second = await errand.enqueue(task, { a: 2 }, { unique: { key: "one" } });
  expect(second).toMatchObject({ id: first.id, enqueued: "duplicate", payload: { a: 1 } });
});
