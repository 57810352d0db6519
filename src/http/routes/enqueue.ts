/**
 * Adding jobs.
 *
 * @module
 */
import * as v from "valibot";
import type { CloneOverrides } from "../../calls.ts";
import type { EnqueueAnswer } from "../../broker.ts";
import type { EnqueuedJob } from "../../job.ts";
import { enqueuedJob, type Prepared } from "../../new-job.ts";
import { checkQueue, reaches } from "../access.ts";
import { addedText } from "../added-text.ts";
import { json, jsonText } from "../answer.ts";
import type { Caller } from "../auth.ts";
import * as bodies from "../bodies.ts";
import { checkConflict, preparedJobs } from "../enqueue.ts";
import { jobParams } from "../fields.ts";
import { ONCE, onceKey } from "../idempotency.ts";
import { parsed } from "../input.ts";
import { type Call, type Route, route } from "../route.ts";
import type { EnqueuedBody, NewJobBody } from "../wire.ts";
import { checkOwn } from "./own.ts";

const MINIMAL = { "preference-applied": "return=minimal" };

/** `POST /v1/jobs` and `POST /v1/jobs/{id}/clone`. */
export const enqueueRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/v1/jobs",
    scope: "enqueue",
    tag: "Jobs",
    summary: "Enqueue one job, or up to 1,000",
    description:
      "All of them are added, or none. A request that brings ids of its own (`id`, a UUIDv7) may " +
      "be sent again: what is there already is left alone, and another job under its id is a " +
      "conflict. So may one with an `Idempotency-Key`: for a day it is answered as the first time.",
    headers: {
      ...ONCE,
      prefer: "`return=minimal`: the answer has ids only",
    },
    body: bodies.newJobs,
    ownCheck: true,
    gathers: true,
    example: { task: "resize", payload: { path: "a.png", width: 200 }, delay: "5m" },
    answers: {
      200: {
        description: "A job like it is there already; this is how it stands",
        schema: v.union([bodies.enqueued, bodies.enqueuedIds]),
      },
      201: {
        description: "Added: the job, or `jobs` in the order of the request, or their ids",
        schema: v.union([
          bodies.enqueued,
          bodies.enqueuedMany,
          bodies.enqueuedIds,
        ]),
      },
    },
    problems: [409],
    handle: enqueue,
  }),
  route({
    method: "POST",
    path: "/v1/jobs/{id}/clone",
    scope: "enqueue",
    tag: "Jobs",
    summary: "Enqueue a job again as a new one",
    description:
      "With the task, payload, queue, priority, meta, parent and policy of the original, which " +
      "stays as it is. What the body says goes before that.",
    params: jobParams,
    body: bodies.clone,
    problems: [409],
    example: { queue: "slow", delay: "1h" },
    answers: {
      200: {
        description: "A job like it is there already; this is how it stands",
        schema: bodies.enqueued,
      },
      201: { description: "The new job", schema: bodies.enqueued },
    },
    handle: clone,
  }),
];

async function clone(
  call: Call<{ readonly id: string }, undefined, CloneOverrides | undefined>,
): Promise<Response> {
  const { errand, caller, params, body = {} } = call;
  await checkOwn(call, "clone", params.id);
  if (body.queue !== undefined) checkQueue(caller, body.queue);
  if (typeof body.unique === "object") checkConflict(caller, body.unique);
  const job = shown(caller, await errand.clone(params.id, body));
  return json(job, job.enqueued === "duplicate" ? 200 : 201);
}

async function enqueue(
  call: Call<undefined, undefined, NewJobBody | readonly NewJobBody[]>,
): Promise<Response> {
  const { body, caller, parts, request } = call;
  const preparing = preparedJobs(call, body);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  const once = onceKey(call, () => parsed(bodies.newJobs, body, "body")); // in one order
  const { jobs, answer } = once === undefined
    ? await parts.intake.store(prepared)
    : await parts.intake.storeOnce(prepared, await once);
  const many = Array.isArray(body);
  const status = !many && answer.duplicates?.has(jobs[0]!.id) === true ? 200 : 201;
  const prefer = request.headers.get("prefer");
  if (prefer !== null && /(^|[,;])\s*return=minimal\s*($|[,;])/i.test(prefer)) {
    const shownJobs = jobs.map((job) => shown(caller, enqueuedJob(job, answer)));
    return json(minimal(shownJobs), status, MINIMAL);
  }
  const texts = jobs.map((job) => jobText(caller, job, answer));
  return jsonText(many ? `{"jobs":[${texts.join()}]}` : texts[0]!, status);
}

function jobText(caller: Caller, job: Prepared, answer: EnqueueAnswer): string {
  if (answer.duplicates?.has(job.id) !== true) return addedText(job, answer.createdAtMs);
  return JSON.stringify(shown(caller, enqueuedJob(job, answer)));
}

function minimal(jobs: readonly EnqueuedJob[]): unknown {
  const duplicates: Record<number, EnqueuedJob> = {};
  jobs.forEach((job, index) => {
    if (job.enqueued === "duplicate") duplicates[index] = job;
  });
  const fresh = jobs.find(({ enqueued }) => enqueued === "inserted") ?? jobs[0]!;
  return {
    ids: jobs.map(({ id }) => id),
    createdAt: fresh.createdAt.toISOString(),
    duplicates: duplicates as unknown as EnqueuedBody["duplicates"],
  } satisfies EnqueuedBody;
}

/** A job of another queue that kept one away is told of, and not what is in it. */
function shown(caller: Caller, job: EnqueuedJob): EnqueuedJob {
  if (job.enqueued === "inserted" || reaches(caller, job.queue)) return job;
  const { id, task, queue, state, priority, attempt, runAt, createdAt, enqueued } = job;
  return {
    ...{ id, task, queue, state, priority, attempt, runAt, createdAt, enqueued },
    payload: null,
    errors: [],
  };
}
