import fc from "fast-check";
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import {
  defineTask,
  Errand,
  type ErrandOptions,
  type LogLine,
  type TaskContext,
} from "../../mod.ts";
import { fromBase64, toBase64 } from "../../src/encryption/base64.ts";
import { checkEncryption } from "../../src/encryption/options.ts";
import { KeyRing } from "../../src/encryption/key-ring.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { gate } from "../support/gate.ts";
import { ring, within } from "../support/keys.ts";
import { openRaw } from "../support/raw.ts";
import { type Place, places } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const steps = defineTask({
  name: "steps",
  retry: { maxAttempts: 3, delay: 0 },
  run: async ({ input, job, update, progress, log, snooze }: TaskContext) => {
    log(`attempt ${job.attempt}`);
    if (job.attempt === 1) throw new TypeError("first");
    const { snoozed } = input as { snoozed?: boolean };
    await update({ snoozed: true });
    progress([job.attempt]);
    return snoozed ? { input } : snooze(0);
  },
});

describe("A21: under encryption", () => {
  it.each(places)("a job lives its whole life as it does without (%s)", async (place) => {
    await using dir = await tempDir();
    const seen = await Promise.all([ring(1), undefined].map(async (encryption, index) => {
      const { client, url } = where(place, dir.file(`${index}.db`));
      const tasks = [steps];
      const errand = await Errand.open({
        ...{ tasks, ...(client === undefined ? { url } : { client }) },
        ...(encryption !== undefined && { encryption }),
      });
      const { id } = await errand.enqueue(steps, { n: 1 }, { meta: { tenant: "a" } });
      const summary = await errand.worker().drain();
      const job = (await errand.get(id))!;
      expect((await errand.list()).jobs).toEqual([job]);
      expect(await errand.wait(id)).toEqual(job);
      expect((await errand.retry(id)).payload).toEqual(job.payload);
      expect((await errand.cancel(id)).errors).toEqual(job.errors);
      const lines = (await errand.logs(id)).map(({ attempt, message }) => [attempt, message]);
      const removed = await errand.remove(id);
      expect(removed).toMatchObject({ payload: job.payload, errors: job.errors });
      await errand.close();
      client?.close();
      const { result, payload, error, errors, progress, attempt, locked } = job;
      expect(error?.stack).toContain("round-trip.test.ts");
      const { at: _, stack: __, ...plain } = error!;
      const { completed, retried, snoozed } = summary;
      const counts = { completed, retried, snoozed };
      return {
        result,
        payload,
        errors: errors.length,
        progress,
        attempt,
        locked,
        lines,
        plain,
        counts,
      };
    }));
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]).toMatchObject({ result: { input: { n: 1, snoozed: true } }, progress: [2] });
  });

  it("what a running handler reports is read while it runs", async () => {
    const [reported, finish] = [gate(), gate()];
    const work = defineTask({
      name: "work",
      run: async ({ progress, log, update }) => {
        for (const done of [1, 2]) {
          progress({ done });
          log(`line ${done}`);
        }
        await update({ b: 2 });
        reported.open();
        await finish.opened;
      },
    });
    await using errand = await testErrand({ tasks: [work], encryption: ring(1) });
    const { id } = await errand.enqueue(work, { a: 1 });
    await using worker = errand.worker({ lease: "1h" });
    await worker.start();
    await reported.opened;
    await errand.clock.advance("500ms");
    await expect.poll(() => errand.get(id)).toMatchObject({
      state: "running",
      progress: { done: 2 },
      payload: { a: 1, b: 2 },
    });
    const at = errand.clock.now() - 500;
    const lines: LogLine[] = [1, 2].map((n) => ({ at, attempt: 1, message: `line ${n}` }));
    expect(await errand.logs(id)).toEqual(lines);
    finish.open();
    await errand.wait(id);
    expect(await errand.logs(id)).toEqual(lines);
  });

  it("payloads and results come back as they were, whatever JSON they are", async () => {
    const echo = defineTask({ name: "echo", run: ({ input }) => input });
    await using errand = await Errand.open({
      ...{ url: ":memory:", tasks: [echo], encryption: ring(1) },
    });
    const values = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(values, async (values) => {
        const jobs = await errand.enqueueMany(values.map((payload) => ({ task: echo, payload })));
        await errand.worker().drain();
        const got = await Promise.all(jobs.map(({ id }) => errand.get(id)));
        expect(got.map((job) => job?.payload)).toEqual(values.map(json));
        expect(got.map((job) => job?.result)).toEqual(values.map(json));
      }),
      { numRuns: 50 },
    );
  });

  it("a payload of a mebibyte and the ones of a batch of 1,000 come back", async () => {
    await using errand = await Errand.open({ url: ":memory:", encryption: ring(1) });
    const text = "ä".repeat(2 ** 19 - 8);
    const { id } = await errand.enqueue("task", text);
    expect((await errand.get(id))?.payload).toBe(text);
    const jobs = await errand.enqueueMany(
      Array.from({ length: 1_000 }, (_, payload) => ({ task: "task", payload })),
    );
    const page = await errand.list({ limit: 1_000, order: "oldest", cursor: id });
    expect(page.jobs.map(({ payload }) => payload)).toEqual(jobs.map(({ payload }) => payload));
  });

  it("equal payloads look different in every row, and name only their key", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    await within(
      path,
      { encryption: ring(1) },
      (errand) =>
        errand.enqueueMany(Array.from({ length: 100 }, () => ({ task: "task", payload: "same" }))),
    );
    using raw = openRaw(path);
    const stored = raw.rows("SELECT payload FROM errand_job").map(([text]) => String(text));
    expect(new Set(stored).size).toBe(100);
    const ivs = stored.map((text) =>
      (JSON.parse(text) as { $enc: string[] }).$enc[3]!.slice(0, 16)
    );
    expect(new Set(ivs).size).toBe(100);
    expect(stored[0]).toMatch(/^\{"\$enc":\[1,"k1","[\w+/]{8}","[\w+/=]+"\]\}$/);
  });

  it("a new key encrypts what is new, and the old one still reads what is old", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const options = (encryption?: ErrandOptions["encryption"]): ErrandOptions => ({
      tasks: [steps],
      ...(encryption !== undefined && { encryption }),
    });
    const ids = [
      await within(path, options(), (errand) => enqueued(errand, "plain")),
      await within(path, options(ring(1)), (errand) => enqueued(errand, "old")),
      await within(path, options(ring(2, 1)), (errand) => enqueued(errand, "new")),
    ];
    const { jobs, logs } = await within(path, options(ring(2, 1)), async (errand) => {
      await errand.worker().drain(); // results and logs by the new key, whatever the payload's
      return {
        jobs: await Promise.all(ids.map((id) => errand.get(id))),
        logs: await Promise.all(ids.map((id) => errand.logs(id))),
      };
    });
    const of = (text: string) => ({ text, snoozed: true });
    expect(jobs.map((job) => job?.result)).toEqual(
      ["plain", "old", "new"].map((text) => ({ input: of(text) })),
    );
    expect(logs.map((lines) => lines.length)).toEqual([3, 3, 3]);
    const later = await within(path, options(ring(2)), (errand) => errand.list());
    expect(later.jobs.map(({ locked }) => locked)).toEqual([undefined, undefined, undefined]);
  });

  it("a row keeps the key that wrote it until it is written anew", async () => {
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const id = await within(path, { encryption: ring(1) }, (errand) => enqueued(errand, "old"));
    const job = await within(path, { encryption: ring(2) }, (errand) => errand.get(id));
    expect(job).toMatchObject({ payload: undefined, locked: { code: "NO_KEY" } });
  });
});

describe("a key ring", () => {
  it("opens only what it sealed, only where that belongs", async () => {
    const keys = await KeyRing.of(checkEncryption(ring(1)));
    const place = fc.tuple(fc.string(), fc.string(), fc.integer());
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), place, place, async (text, a, b) => {
        const sealed = await keys.seal(text, a);
        expect(await keys.open(sealed, a)).toEqual({ text });
        if (JSON.stringify(a) === JSON.stringify(b)) return;
        expect(await keys.open(sealed, b)).toMatchObject({ lock: { code: "CHANGED" } });
      }),
    );
  });

  it("notices the change of any bit", async () => {
    const keys = await KeyRing.of(checkEncryption(ring(1)));
    const [version, id, check, base64] = await keys.seal("text", ["job", "payload"]);
    const bytes = fromBase64(base64 as string)!;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const body = [version, id, check, toBase64(changed)] as const;
      expect(await keys.open(body, ["job", "payload"])).toMatchObject({
        lock: { code: "CHANGED" },
      });
    }
  });
});

describe("base64", () => {
  it("comes back as the bytes it was made of", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }));
  });
});

async function enqueued(errand: Errand, text: string): Promise<string> {
  return (await errand.enqueue("steps", { text })).id;
}

function where(place: Place, path: string) {
  const client = place === "client" ? createClient({ url: `file:${path}` }) : undefined;
  return { client, url: place === "memory" ? ":memory:" : `file:${path}` };
}
