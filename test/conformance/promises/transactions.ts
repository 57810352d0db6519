// A job and the user's own writes stand or fall together.
import { defineTask } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/mod.ts";
import { equal, eventually, like } from "../assert.ts";
import { open, type Place, type Promises } from "../place.ts";

const NOTHING = "DELETE FROM note WHERE false";
const INSERT = "INSERT INTO note (job) VALUES (?)";

async function notes(place: Place): Promise<(text?: string) => Promise<boolean>> {
  const client = place.client();
  await client.execute("DROP TABLE IF EXISTS note");
  await client.execute("CREATE TABLE note (job TEXT NOT NULL)");
  return async (text) => {
    const sql = "SELECT count(*) AS n FROM note WHERE job = coalesce(?, job)";
    // a replica sends a batch that writes to its primary, which knows
    const [, found] = await client.batch([NOTHING, { sql, args: [text ?? null] }], "write");
    return Number(found!.rows[0]!.n) > 0;
  };
}

export const transactions: Promises = {
  "statements add a job in the caller's own batch, or not at all": async (place) => {
    const noted = await notes(place);
    await using errand = await open(place);
    const client = place.client();
    const a = await errand.statements.enqueue("work", 1);
    const b = await errand.statements.enqueue("work", 2);
    await client.batch([{ sql: INSERT, args: ["a"] }, ...a.statements], "write");
    const broken = [...b.statements, { sql: INSERT, args: [null] }];
    equal(await client.batch(broken, "write").then(() => "kept", () => "dropped"), "dropped");
    await eventually(async () => (await errand.get(a.id))?.state === "available");
    equal([await errand.get(b.id), await noted("a")], [undefined, true]);
  },

  "a job in a transaction is there when that is committed, or never": async (place) => {
    await using errand = await open(place);
    const dropped = await place.client().transaction("write");
    const never = await errand.enqueue("work", 1, { tx: dropped });
    await dropped.rollback();
    const tx = await place.client().transaction("write");
    const job = await errand.enqueue("work", 2, { tx });
    await tx.commit();
    await eventually(async () => (await errand.get(job.id))?.payload === 2);
    equal(await errand.get(never.id), undefined);
  },

  "statements are written with the completion of their job": async (place) => {
    const noted = await notes(place);
    const next = defineTask({ name: "next", run: () => {} });
    const task = defineTask({
      name: "task",
      run: async ({ job, complete }) => {
        const { id, statements } = await errand.statements.enqueue(next);
        return complete({
          result: id,
          statements: [{ sql: INSERT, args: [job.id] }, ...statements],
        });
      },
    });
    await using errand = await open(place, { tasks: [task, next] });
    const { id } = await errand.enqueue(task);
    like(await errand.worker().drain(), { completed: 2 });
    const job = (await errand.get(id))!;
    like(job, { state: "completed" });
    equal(await noted(id), true);
    like(await errand.get(job.result as string), { state: "completed" });
  },

  "a statement that fails writes nothing, and fails the attempt": async (place) => {
    const noted = await notes(place);
    const task = defineTask({
      ...{ name: "task", retry: { maxAttempts: 1 } },
      run: ({ complete }) =>
        complete({ statements: [{ sql: INSERT, args: ["x"] }, { sql: INSERT, args: [null] }] }),
    });
    await using errand = await open(place, { tasks: [task] });
    const { id } = await errand.enqueue(task);
    like(await errand.worker().drain(), { failed: 1 });
    const error = { code: "HANDLER", message: /NOT NULL constraint failed/ };
    like(await errand.get(id), { state: "failed", result: undefined, error });
    equal(await noted(), false);
  },

  "statements of a completion that comes too late are not written": async (place) => {
    const noted = await notes(place);
    const lost: string[] = [];
    const task = defineTask({
      ...{ name: "task", timeout: "1d" },
      run: async ({ job, complete }) => {
        if (job.attempt === 1) {
          const clock = new FakeClock(errand.clock.now() + 60_000);
          await using rescuer = await open(place, { tasks: [task], clock });
          await eventually(async () => (await rescuer.worker().drain()).completed === 1);
        }
        return complete({ statements: [{ sql: INSERT, args: [`attempt ${job.attempt}`] }] });
      },
    });
    await using errand = await open(place, { tasks: [task] });
    errand.on("lost", ({ reason }) => lost.push(reason));
    const { id } = await errand.enqueue(task);
    await errand.worker({ lease: "30s" }).drain();
    like(await errand.get(id), { state: "completed", attempt: 2 });
    equal([await noted("attempt 1"), await noted("attempt 2"), lost], [false, true, [
      "LEASE_LOST",
    ]]);
  },
};
