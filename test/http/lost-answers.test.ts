// A worker whose answers get lost sends its requests again: nothing is lost, and nothing done twice.
import process from "node:process";
import { describe, expect, it } from "vitest";
import type { ClaimedBody, OutcomeBody } from "../../src/http/wire.ts";
import { newId } from "../../src/id.ts";
import { seeded } from "../support/random.ts";
import { type Answered, openWorkApi, type WorkApi } from "../support/work-api.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const JOBS = 60;

/** Sends it once, or again after its answer was lost, or twice at once. */
async function unsure<Body>(api: WorkApi, random: () => number, path: string, body: unknown) {
  const send = (): Promise<Answered<Body>> => api.send<Body>(path, body);
  const luck = random();
  if (luck < 0.4) return await send();
  if (luck < 0.7) {
    const lost = await send();
    const again = await send();
    expect(again.status).toBe(lost.status);
    return again;
  }
  const [first, second] = await Promise.all([send(), send()]);
  expect(second.status).toBe(first.status);
  return random() < 0.5 ? first : second;
}

describe("a worker whose answers get lost", () => {
  it(`does each job as often as it should (SEED=${seed})`, async () => {
    await using api = await openWorkApi();
    const { errand } = api;
    const random = seeded(seed);
    const ends: string[] = [];
    errand.on("completed", ({ id }) => ends.push(id));
    const tries = new Map<string, number>();
    let outcomes: OutcomeBody[] = [];
    for (let turn = 0; turn < 1_000; turn++) {
      const claim = { worker: "w", queues: ["default"], limit: 1 + Math.floor(random() * 4) };
      if (turn < JOBS) {
        const headers = { "idempotency-key": `${turn}` };
        const send = () => api.send("/v1/jobs", { task: "t", payload: turn }, { headers });
        expect(await send()).toEqual(await send());
      }
      const body = { ...claim, id: newId(), outcomes };
      const { body: claimed } = await unsure<ClaimedBody>(api, random, "/v1/claims", body);
      expect(claimed.outcomes.filter(({ stored }) => !stored)).toEqual([]);
      outcomes = claimed.jobs.map(({ id: job, lease, attempt }): OutcomeBody => {
        tries.set(job, (tries.get(job) ?? 0) + 1);
        if (attempt === 1 && random() < 0.3) {
          return { job, lease, outcome: "fail", error: "again", retry: { delay: 5 } };
        }
        const before = tries.get(job)!;
        if (before < 4 && random() < 0.2) return { job, lease, outcome: "snooze", delay: 3 };
        return { job, lease, outcome: "complete", result: attempt };
      });
      await errand.clock.advance(5);
      if ((await errand.stats()).completed === JOBS) break;
    }
    expect(await errand.stats()).toMatchObject({ completed: JOBS, running: 0, available: 0 });
    expect([...ends].sort()).toEqual([...tries.keys()].sort());
    const { jobs } = await errand.list({ limit: 100 });
    expect(jobs.map(({ attempt, result }) => result === attempt && attempt <= 2)).toEqual(
      jobs.map(() => true),
    );
    expect(
      await api.parts.broker.rescue({
        ...{ limit: 10, maxAttempts: 5, tasks: {}, retentions: { defaultMs: null, tasks: {} } },
      }),
    ).toEqual({ jobs: [] }); // no lease is left
  });
});
