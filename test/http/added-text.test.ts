// The JSON of jobs that were added.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addedText } from "../../src/http/added-text.ts";
import type { JobTerms } from "../../src/job-terms.ts";
import { enqueuedJob } from "../../src/new-job.ts";

const instants = fc.integer({ min: 0, max: 4e12 });
const terms: fc.Arbitrary<JobTerms> = fc.record({
  task: fc.string({ minLength: 1, unit: "grapheme" }),
  queue: fc.string({ minLength: 1, unit: "grapheme" }),
  priority: fc.integer(),
  runAtMs: fc.option(instants),
  delayMs: fc.nat(),
  maxAttempts: fc.option(fc.integer({ min: 1, max: 1_000 })),
  parentId: fc.option(fc.string({ minLength: 1, unit: "grapheme" })),
  options: fc.constant(null),
  meta: fc.option(fc.dictionary(fc.string(), fc.jsonValue()).map((meta) => JSON.stringify(meta))),
});

describe("the JSON of a job that was added", () => {
  it("is that of the job, also when others were added before", () => {
    const some = fc.array(fc.tuple(terms, instants), { minLength: 1, maxLength: 3 });
    const jobs = fc.array(fc.tuple(fc.nat(2), fc.uuid({ version: 7 }), fc.jsonValue()));
    fc.assert(fc.property(some, jobs, (kinds, all) => {
      for (const [kind, id, payload] of all) {
        const [terms, createdAtMs] = kinds[kind % kinds.length]!;
        const text = JSON.stringify(payload);
        const value = JSON.parse(text);
        const job = enqueuedJob({ id, terms, payload: text, value }, { createdAtMs });
        const added = addedText({ id, terms, payload: text }, createdAtMs);
        expect(JSON.parse(added)).toEqual(JSON.parse(JSON.stringify(job)));
      }
    }));
  });
});
