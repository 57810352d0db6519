import { describe, expect, it } from "vitest";
import { defineTask, type EncryptionOptions, type Errand, type ErrandOptions } from "../../mod.ts";
import { impostor, ring, within } from "../support/keys.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const work = defineTask({
  name: "work",
  retry: { maxAttempts: 2, delay: 0 },
  run: ({ input, progress, log }) => {
    progress("half");
    log("line");
    if (input === "bad") throw new Error("broke");
    return { input };
  },
});

const under = (encryption?: EncryptionOptions): ErrandOptions => ({
  tasks: [work],
  ...(encryption !== undefined && { encryption }),
});

/** Where in an envelope the ciphertext is, for SQL. */
const BASE64 = `'$."$enc"[3]'`;

/** A file with one ended job of each kind, and with one that waits; all under key 1. */
async function filled(path: string): Promise<Readonly<Record<"good" | "bad" | "live", string>>> {
  return await within(path, under(ring(1)), async (errand) => {
    const [good, bad] = await errand.enqueueMany(work, ["good", "bad"] as never[]);
    await errand.worker().drain();
    const live = await errand.enqueue(work, "live" as never);
    return { good: good!.id, bad: bad!.id, live: live.id };
  });
}

const noKey = { code: "NO_KEY", message: 'no key "k1"' };
const wrongKey = {
  code: "WRONG_KEY",
  message: 'wrong key "k1": another one of this id encrypted it',
};
const changed = {
  code: "CHANGED",
  message: "its ciphertext was changed, or written for another job or field",
};

describe("C13: a reader that", () => {
  it.each([
    { what: "has no keys", options: under(), lock: noKey },
    { what: "has only other keys", options: under(ring(2)), lock: noKey },
    { what: "has another key of that id", options: under(impostor(2)), lock: wrongKey },
  ])("$what lists every job, and those as locked", async ({ options, lock }) => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const ids = await filled(path);
    await within(path, options, async (errand) => {
      const own = await errand.enqueue(work, "own" as never);
      const { jobs } = await errand.list({ order: "oldest" });
      expect(jobs.map(({ id }) => id)).toEqual([ids.good, ids.bad, ids.live, own.id]);
      expect(jobs.map(({ locked }) => locked)).toEqual([lock, lock, lock, undefined]);
      const [good, bad, live] = jobs;
      for (const job of [good!, bad!, live!]) {
        expect(job.payload).toBeUndefined();
        expect(job).not.toHaveProperty("result");
        expect(job).not.toHaveProperty("progress");
        expect(await errand.get(job.id)).toEqual(job);
      }
      const errors = [1, 2].map((attempt) => ({
        ...{ code: "HANDLER", name: "Locked", message: lock.message, attempt },
        at: expect.any(Number) as number,
      }));
      expect(bad).toMatchObject({ state: "failed", attempt: 2 });
      expect(bad!.errors).toEqual(errors);
      expect(bad!.error).toEqual(errors[1]);
      expect(await errand.wait(ids.bad)).toEqual(bad);
      const message = `(locked: ${lock.message})`;
      expect(await errand.logs(ids.good)).toMatchObject([{ attempt: 1, message }]);
    });
  });

  it("has no keys cancels, retries and removes what it cannot read", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const ids = await filled(path);
    await within(path, under(), async (errand) => {
      expect(await errand.cancel(ids.live)).toMatchObject({ state: "cancelled", locked: noKey });
      expect(await errand.retry(ids.live)).toMatchObject({ state: "available", locked: noKey });
      expect(await errand.remove(ids.bad)).toMatchObject({ state: "failed", locked: noKey });
    });
    await within(path, under(ring(1)), async (errand) => {
      expect((await errand.get(ids.live))?.payload).toBe("live");
      expect((await errand.get(ids.good))?.result).toEqual({ input: "good" });
      expect(await errand.get(ids.bad)).toBeUndefined();
    });
  });

  it("has only some of the keys reads what it can of a job", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const id = await within(
      path,
      under(ring(1)),
      async (errand) => (await errand.enqueue(work, "good" as never)).id,
    );
    await within(path, under(ring(2, 1)), (errand) => errand.worker().drain());
    const job = await within(path, under(ring(2)), (errand) => errand.get(id));
    expect(job).toMatchObject({
      ...{ payload: undefined, locked: noKey },
      ...{ result: { input: "good" }, progress: "half" },
    });
  });
});

describe("C13: a worker", () => {
  it.each([
    { what: "without keys", options: under(), lock: noKey },
    { what: "with a wrong key", options: under(impostor(2)), lock: wrongKey },
  ])("$what fails the attempts of locked jobs and runs all others", async ({ options, lock }) => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { live } = await filled(path);
    await within(path, options, async (errand) => {
      const others = await errand.enqueueMany(work, Array(20).fill("own") as never[]);
      const { retried, failed, completed } = await errand.worker().drain();
      expect({ retried, failed, completed }).toEqual({ retried: 1, failed: 1, completed: 20 });
      for (const { id } of others) expect((await errand.get(id))?.state).toBe("completed");
      const message = `Cannot decrypt the payload of job ${live}: ${lock.message}`;
      expect(await errand.get(live)).toMatchObject({
        ...{ state: "failed", attempt: 2, payload: undefined, locked: lock },
        error: { code: "LOCKED", name: "Error", message, attempt: 2 },
      });
    });
    await within(path, under(ring(1)), async (errand) => {
      await errand.retry(live); // nothing of the job was lost
      await errand.worker().drain();
      expect(await errand.get(live)).toMatchObject({ result: { input: "live" } });
    });
  });

  it("with the key runs a job that one without it has tried", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { live } = await filled(path);
    const once = { maxJobs: 1 };
    await within(path, under(), (errand) => errand.worker().drain(once));
    await within(path, under(ring(1)), async (errand) => {
      await errand.worker().drain();
      const job = await errand.get(live);
      expect(job).toMatchObject({ state: "completed", attempt: 2, result: { input: "live" } });
      expect(job?.errors.map(({ code }) => code)).toEqual(["LOCKED"]);
    });
  });
});

describe("A21: ciphertext", () => {
  const moves: Readonly<Record<string, (ids: Awaited<ReturnType<typeof filled>>) => string>> = {
    "of another job's payload": ({ good, live }) =>
      `UPDATE errand_job SET payload = (SELECT payload FROM errand_job WHERE id = '${live}')
        WHERE id = '${good}'`,
    "of the same job's result": ({ good }) =>
      `UPDATE errand_job SET payload = result WHERE id = '${good}'`,
    "of the same job's payload as its result": ({ good }) =>
      `UPDATE errand_job SET result = payload WHERE id = '${good}'`,
    "of its progress as its result": ({ good }) =>
      `UPDATE errand_job SET result = progress WHERE id = '${good}'`,
    "with another letter": ({ good }) =>
      `UPDATE errand_job SET payload = json_set(payload, ${BASE64},
        CASE substr(payload ->> ${BASE64}, 1, 1) WHEN 'A' THEN 'B' ELSE 'A' END ||
        substr(payload ->> ${BASE64}, 2)) WHERE id = '${good}'`,
    "that is cut short": ({ good }) =>
      `UPDATE errand_job SET payload = json_set(payload, ${BASE64}, 'AAAA')
        WHERE id = '${good}'`,
    "that is no text": ({ good }) =>
      `UPDATE errand_job SET payload = json_set(payload, ${BASE64}, 7) WHERE id = '${good}'`,
    "that has no parts": ({ good }) =>
      `UPDATE errand_job SET payload = '{"$enc":[1]}' WHERE id = '${good}'`,
  };
  it.each(Object.entries(moves))("%s is refused, and the other jobs are read", async (_, move) => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const ids = await filled(path);
    alter(path, move(ids));
    await within(path, under(ring(1)), async (errand) => {
      expect((await errand.get(ids.good))?.locked).toEqual(changed);
      const { jobs } = await errand.list({ order: "oldest" });
      expect(jobs.map(({ locked }) => locked?.code)).toEqual(["CHANGED", undefined, undefined]);
    });
  });

  it("moved to a job that waits fails its attempts, and nothing else", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { good, live } = await filled(path);
    alter(
      path,
      `UPDATE errand_job SET payload = (SELECT payload FROM errand_job WHERE id = '${good}')
        WHERE id = '${live}'`,
    );
    await within(path, under(ring(1)), async (errand) => {
      const other = await errand.enqueue(work, "own" as never);
      await errand.worker().drain();
      expect((await errand.get(other.id))?.state).toBe("completed");
      expect((await errand.get(live))?.error).toMatchObject({
        code: "LOCKED",
        message: `Cannot decrypt the payload of job ${live}: ${changed.message}`,
      });
    });
  });

  it("of an error is refused under another code, attempt or time", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { bad } = await filled(path);
    for (const [field, value] of [["code", "'TIMEOUT'"], ["attempt", "7"], ["at", "7"]]) {
      const before = dump(path, bad);
      alter(
        path,
        `UPDATE errand_job SET errors = json_set(errors, '$[0].${field}', ${value})
          WHERE id = '${bad}'`,
      );
      const job = await within(path, under(ring(1)), (errand) => errand.get(bad));
      expect(job?.errors.map(({ message }) => message)).toEqual([changed.message, "broke"]);
      expect(job?.locked).toEqual(changed);
      alter(path, `UPDATE errand_job SET errors = '${before}' WHERE id = '${bad}'`);
    }
  });

  it("of another job's log is refused", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { good, bad } = await filled(path);
    alter(path, `UPDATE errand_log SET job_id = '${good}' WHERE job_id = '${bad}'`);
    const lines = await within(path, under(ring(1)), (errand) => errand.logs(good));
    const refused = `(locked: ${changed.message})`;
    expect(lines.map(({ message }) => message).sort()).toEqual([refused, refused, "line"]);
  });

  it("of a newer version is locked by its name", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const { live } = await filled(path);
    alter(path, `UPDATE errand_job SET payload = '{"$enc":[2,"k1"]}' WHERE id = '${live}'`);
    const job = await within(path, under(ring(1)), (errand) => errand.get(live));
    expect(job?.locked?.message).toBe("its envelope has the unknown version 2");
  });
});

describe("what only looks like ciphertext", () => {
  const values: readonly unknown[] = [
    { $enc: [1, "k1", "AAAAAAAA", "AAAA"] },
    { $enc: [0, "quoted"] },
    { $enc: [0, { $enc: [0, 1] }] },
    { $enc: [2] },
    { $enc: [] },
    { $enc: "text" },
    { $enc: [1], more: 1 },
    { more: 1, $enc: [1] },
    { nested: { $enc: [1] } },
    [{ $enc: [1] }],
    '{"$enc":[1]}',
    "$enc",
  ];
  const echo = defineTask({
    name: "echo",
    run: async ({ input, progress, update }) => {
      progress(input);
      if (typeof input === "object" && !Array.isArray(input)) await update({});
      return input;
    },
  });

  it.each([
    { how: "without encryption", write: undefined },
    { how: "under encryption", write: ring(1) },
  ])("is stored as any other value, $how", async ({ write }) => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const run = async (errand: Errand) => {
      const seen = values.map((payload) => ({ task: echo, payload }));
      const jobs = await errand.enqueueMany(seen);
      await errand.worker().drain();
      return jobs;
    };
    const tasks = [echo];
    const options = { tasks, ...(write !== undefined && { encryption: write }) };
    await within(path, options, run);
    for (const encryption of write === undefined ? [undefined, ring(1)] : [write]) {
      const options = { tasks, ...(encryption !== undefined && { encryption }) };
      const { jobs } = await within(path, options, (errand) => errand.list({ order: "oldest" }));
      for (const field of ["payload", "result", "progress"] as const) {
        expect(jobs.map((job) => job[field])).toEqual(values);
      }
      expect(jobs.map(({ locked }) => locked)).toEqual(values.map(() => undefined));
    }
  });
});

function alter(path: string, sql: string): void {
  using raw = openRaw(path);
  raw.exec(sql);
}

function dump(path: string, id: string): string {
  using raw = openRaw(path);
  return String(raw.rows("SELECT errors FROM errand_job WHERE id = ?", id)[0]![0]);
}
