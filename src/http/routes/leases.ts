/**
 * Leases: prolonged by heartbeats, and settled by outcomes.
 *
 * @module
 */
import * as v from "valibot";
import { durationMs } from "../../duration.ts";
import { ErrandError, invalid, show } from "../../errors.ts";
import type { Held } from "../../outcome.ts";
import { checkName } from "../../task.ts";
import { checkQueue, reaches } from "../access.ts";
import { json } from "../answer.ts";
import { knowing, readOutcomes, readReport } from "../outcomes.ts";
import { Problem } from "../problem.ts";
import { type Call, type Route, route } from "../route.ts";
import type { BeatenBody, HeartbeatBody, OutcomeBody, OutcomesAnswer } from "../wire.ts";
import { workOf } from "../work.ts";
import * as bodies from "../work-bodies.ts";
import { checkedLease } from "./claims.ts";
import { isOwnWorker } from "./own.ts";

const leaseParams = v.strictObject({ lease: bodies.uuid });
const LEASE_MS = 30_000;
const LISTED =
  "List in `jobs` every job that the worker runs: those of them that their lease does not hold " +
  "any more, cancelled ones for example, are told as `lost`, and no others.";

/** `/v1/leases`. */
export const leaseRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/v1/leases/heartbeat",
    scope: "work",
    tag: "Work",
    summary: "Prolong leases, report on jobs, and learn which are lost",
    description: `${LISTED} Of a lease that is there no more, nothing else is told.`,
    body: bodies.heartbeat,
    example: {
      leases: ["0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10"],
      lease: "30s",
      jobs: [{
        job: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f11",
        lease: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10",
      }],
    },
    answers: {
      200: { description: "How long they last, and what is lost", schema: bodies.beaten },
    },
    handle: async (call) => json((await beat(call, call.body)).answer),
  }),
  route({
    method: "POST",
    path: "/v1/leases/{lease}/heartbeat",
    scope: "work",
    tag: "Work",
    summary: "Prolong one lease, report on its jobs, and learn which are lost",
    description: LISTED,
    params: leaseParams,
    body: bodies.leaseHeartbeat,
    example: { lease: "30s", jobs: [{ job: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f11" }] },
    answers: { 200: { description: "How long it lasts, and what is lost", schema: bodies.beaten } },
    problems: [409],
    async handle(call) {
      const { lease } = call.params;
      const { answer, prolonged } = await beat(call, { ...call.body, leases: [lease] });
      if (prolonged > 0) return json(answer);
      throw new Problem({
        status: 409,
        code: "LEASE_LOST",
        detail: `Cannot prolong lease ${lease}: it has expired, or holds no job any more`,
      });
    },
  }),
  route({
    method: "POST",
    path: "/v1/leases/{lease}/outcomes",
    scope: "work",
    tag: "Work",
    summary: "Hand in outcomes of jobs of one lease",
    description:
      "One that is sent alone and comes too late is answered with 409 and who holds the job now.",
    params: leaseParams,
    body: bodies.leaseOutcomes,
    example: {
      job: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f11",
      outcome: "complete",
      result: { size: 2048 },
    },
    answers: { 200: { description: "What became of each", schema: bodies.settled } },
    problems: [409],
    handle: outcomes,
  }),
];

async function outcomes(
  call: Call<
    { readonly lease: string },
    undefined,
    Omit<OutcomeBody, "lease"> | readonly Omit<OutcomeBody, "lease">[]
  >,
): Promise<Response> {
  const { body, caller, params: { lease } } = call;
  const work = workOf(call);
  const alone = !Array.isArray(body);
  const all = (alone ? [body] : body) as readonly OutcomeBody[];
  const named = all.map((outcome) => ({ ...outcome, lease }));
  const handed = await readOutcomes(work, caller, named, (index) => alone ? [] : [index]);
  work.asked();
  const { outcomes } = await work.exchange({ worker: "", handed, close: [] });
  const [only] = outcomes;
  if (!alone || only!.stored) return json({ outcomes } satisfies OutcomesAnswer);
  throw new Problem({
    status: 409,
    code: "LEASE_LOST",
    detail: `Cannot settle job ${only!.job}: lease ${lease} does not hold it any more`,
    holder: only!.holder,
  });
}

type BeatCall = Pick<Call, "parts" | "caller" | "shared">;

async function beat(
  call: BeatCall,
  body: HeartbeatBody,
): Promise<{ readonly answer: BeatenBody; readonly prolonged: number }> {
  const { parts: { broker, clock }, caller } = call;
  const { leases, worker } = body;
  const leaseMs = checkedLease(durationMs(body.lease ?? LEASE_MS, "lease"));
  for (const queue of Object.keys(worker?.queues ?? {})) {
    checkQueue(caller, checkName(queue, "the name of a queue"));
  }
  if (caller.queues !== undefined) await checkOwnBeat(call, body);
  const held = await heldOf(call, body);
  const work = workOf(call);
  work.asked(leaseMs);
  const startMs = clock.elapsedMs();
  const { lost, command, prolonged = leases.length } = await broker.heartbeat({
    ...{ leaseMs, leases, held },
    ...(worker !== undefined && { worker }),
  });
  for (const { id } of lost) {
    for (const hold of held) if (hold.id === id) work.ledger.letGo(hold);
  }
  const expiresIn = Math.floor(Math.max(0, leaseMs - (clock.elapsedMs() - startMs)));
  const answer: BeatenBody = {
    expiresAt: new Date(clock.now() + expiresIn).toISOString(),
    expiresIn,
    lost: lost.map(({ id, state }) => ({ job: id, state })),
    ...(command !== undefined && { command }),
  };
  return { answer, prolonged };
}

/** @throws {ErrandError} `FORBIDDEN` for a lease, or the row of a worker, that is of others. */
async function checkOwnBeat(call: BeatCall, { leases, worker }: HeartbeatBody): Promise<void> {
  const { parts: { broker }, caller } = call;
  const [row, queues] = await Promise.all([
    worker && broker.workers.get(worker.id),
    workOf(call).api.leaseQueues(leases),
  ]);
  if (row !== undefined && !isOwnWorker(caller, row)) {
    const message = "it serves other queues than those of this token";
    throw new ErrandError("FORBIDDEN", `Cannot use worker ${show(row.id)}: ${message}`);
  }
  if (queues.every((queue) => reaches(caller, queue))) return;
  const message = "jobs of a lease are of other queues than those of this token";
  throw new ErrandError("FORBIDDEN", `Cannot prolong leases: ${message}`);
}

/** What is told of jobs; what is said of them, or by a limited caller, takes a look at them. */
async function heldOf(
  call: BeatCall,
  { leases, jobs = [] }: HeartbeatBody,
): Promise<readonly Held[]> {
  const work = workOf(call);
  const named = jobs.map((job, index) => ({ ...job, lease: leaseOf(leases, job.lease, index) }));
  const looked = named.filter(({ payload, logs }) =>
    call.caller.queues !== undefined || payload !== undefined || logs !== undefined
  );
  const knows = await knowing(
    work,
    call.caller,
    looked.map(({ job, lease }) => ({ id: job, lease })),
  );
  return await Promise.all(named.map(async (body, index): Promise<Held> => {
    const { job: id, lease } = body;
    const { attempt = 0, task = "", queue = "" } = knows({ id, lease }) ?? {};
    const path = ["jobs", index];
    const report = await readReport(work, body, { attempt, task }, undefined, path);
    return { id, lease, queue, ...(report !== undefined && { report }) };
  }));
}

function leaseOf(leases: readonly string[], lease: string | undefined, index: number): string {
  if (lease !== undefined) return lease;
  if (leases.length === 1) return leases[0]!;
  const message = "is missing: say which of the leases holds the job";
  throw invalid(`Cannot use the body: jobs[${index}].lease ${message}`, [
    { message, path: ["jobs", index, "lease"] },
  ]);
}
