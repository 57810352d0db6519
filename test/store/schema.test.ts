// What no statement, not even one by hand, can bring into the tables.
import { describe, expect, it } from "vitest";
import { claim, newJob, outcomes, settle, settlement } from "../support/jobs.ts";
import { openBench, places } from "../support/store.ts";

const forbidden: Readonly<Record<string, string>> = {
  "a state of another name": "UPDATE errand_job SET state = 'lost'",
  "a running job without a lease": "UPDATE errand_job SET state = 'running' WHERE id = 'a'",
  "an ended job without a time of its end": "UPDATE errand_job SET state = 'failed' WHERE id = 'a'",
  "a live job with a time of its end": "UPDATE errand_job SET ended_at = 1 WHERE id = 'a'",
  "an attempt below zero": "UPDATE errand_job SET attempt = -1",
  "a priority that is no number": "UPDATE errand_job SET priority = 'high'",
  "a due time that is no number": "UPDATE errand_job SET run_at = 'soon'",
  "a job without a payload": "UPDATE errand_job SET payload = NULL",
  "a job without an id": "UPDATE errand_job SET id = NULL WHERE id = 'a'",
  "two jobs of one id": "UPDATE errand_job SET id = 'a' WHERE id = 'b'",
  "a queue that is half paused": "INSERT INTO errand_queue (name, paused) VALUES ('x', 2)",
  "a lease without an expiry": "INSERT INTO errand_lease VALUES ('x', 'w', NULL, '[]')",
};

describe.each(places)("in a store at %s", (place) => {
  it.each(Object.entries(forbidden))("there can be no %s", async (_, sql) => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a"), newJob("b"), newJob("c")]);
    const before = await bench.tables();
    await expect(bench.write(sql)).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringMatching(/constraint|cannot store/i),
    });
    expect(await bench.tables()).toEqual(before);
  });

  it("a batch with one statement that fails changes nothing", async () => {
    await using bench = await openBench(place);
    await bench.store.enqueue([newJob("a")]);
    await claim(bench.store, "mine");
    const before = await bench.tables();
    const bad = { ...settlement("a", "mine", { kind: "complete", result: "{broken" }) };
    const good = settlement("a", "mine", outcomes.complete, { queue: "other" });
    await expect(settle(bench.store, [good, bad])).rejects.toThrow(/malformed JSON/);
    expect(await bench.tables()).toEqual(before);
    expect((await settle(bench.store, [good])).lost.size).toBe(0);
  });

  it("names that look like numbers stay text", async () => {
    await using bench = await openBench(place);
    const names = ["1e5", "007", "12345678901234567890", "0x10", "NaN", "1.0", " 1 "];
    await bench.store.enqueue(
      names.map((name) =>
        newJob(name, { queue: name, task: name, parentId: name, payload: JSON.stringify(name) })
      ),
    );
    for (const name of names) {
      expect(await bench.store.get(name)).toMatchObject({
        ...{ id: name, queue: name, task: name, parentId: name, payload: name },
      });
      const { jobs } = await claim(bench.store, `lease ${name}`, [name]);
      expect(jobs.map(({ id, payload }) => [id, payload])).toEqual([[name, `"${name}"`]]);
      const result = JSON.stringify(name);
      const done = settlement(name, `lease ${name}`, { kind: "complete", result }, { queue: name });
      await settle(bench.store, [done]);
      expect((await bench.store.get(name))?.result).toBe(name);
    }
    expect(Object.keys((await bench.store.stats()).queues).sort()).toEqual([...names].sort());
  });
});
