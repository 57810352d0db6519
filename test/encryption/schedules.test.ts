import { expect, it } from "vitest";
import { defineTask } from "../../mod.ts";
import { ring, within } from "../support/keys.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const echo = defineTask({ name: "echo", run: ({ input }) => input });

it("A21: the payload of a schedule is encrypted, and its occurrences read it", async () => {
  await using dir = await tempDir();
  const path = dir.file("errand.db");
  const options = { tasks: [echo], encryption: ring(1) };
  const id = await within(path, options, async (errand) => {
    await errand.schedules.upsert("s", { task: echo, payload: "secret" as never, every: "1h" });
    expect((await errand.schedules.get("s"))?.payload).toBe("secret");
    const job = await errand.schedules.runNow("s");
    expect(job.payload).toBe("secret");
    await errand.worker().drain();
    expect(await errand.get(job.id)).toMatchObject({ payload: "secret", result: "secret" });
    return job.id;
  });
  await within(path, { tasks: [echo] }, async (errand) => {
    const locked = { code: "NO_KEY", message: 'no key "k1"' };
    expect(await errand.schedules.get("s")).toMatchObject({ payload: undefined, locked });
    expect(await errand.schedules.pause("s")).toMatchObject({ state: "paused", locked });
    expect(await errand.schedules.resume("s")).toMatchObject({ state: "active", locked });
    expect(await errand.get(id)).toMatchObject({ payload: undefined, locked });
  });
  using raw = openRaw(path);
  expect(JSON.stringify(raw.rows("SELECT payload FROM errand_schedule"))).not.toContain("secret");
  await within(path, options, async (errand) => {
    expect((await errand.schedules.get("s"))?.payload).toBe("secret");
    const { id } = await errand.schedules.runNow("s");
    await errand.worker().drain();
    expect((await errand.get(id))?.result).toBe("secret");
  });
});
