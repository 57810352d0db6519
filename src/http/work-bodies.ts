/**
 * The bodies of requests and answers that are about work, as schemas.
 *
 * @module
 */
import * as v from "valibot";
import { LOG_LINES_MAX } from "../attempt.ts";
import { DURATION_MAX_MS } from "../duration.ts";
import {
  anything,
  described,
  duration,
  type Field,
  name,
  named,
  newUuid,
  oneOrMany,
  record,
  state,
  time,
  whole,
  word,
} from "./fields.ts";
import type { ClaimBody, HeartbeatBody, MarkBody, MarkReleaseBody, OutcomeBody } from "./wire.ts";

/** The most outcomes, and jobs, of one request. */
export const WORK_MAX = 1_000;
const LEASES_MAX = 10_000;
const QUEUES_MAX = 100;

const some = v.exactOptional;
const text = v.string();
const count = whole(0, Number.MAX_SAFE_INTEGER);
const ms: Field<number> = described(v.number(), { type: "number", description: "Milliseconds" });

const UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/** The id of a job or lease, as a claim has told it. */
export const uuid: Field<string> = described(
  v.pipe(text, v.regex(new RegExp(UUID), "is no id that a claim has told")),
  { type: "string", format: "uuid", pattern: UUID },
);

const some100 = <Output>(schema: Field<Output>, least: number, most: number) =>
  v.pipe(
    v.array(schema),
    v.minLength(least, "is empty"),
    v.maxLength(most, `has more than ${most} items`),
  );

const line = v.strictObject({
  at: whole(0, Number.MAX_SAFE_INTEGER),
  attempt: whole(0, Number.MAX_SAFE_INTEGER),
  message: text,
});

const LOGS_ID = "^[\\w.:-]{1,64}$";
const reportEntries = {
  progress: some(anything),
  payload: some(anything),
  logs: some(some100(v.union([text, line]), 0, LOG_LINES_MAX)),
  logsId: some(described(
    v.pipe(text, v.regex(new RegExp(LOGS_ID), "is no id of 1 to 64 letters, digits and ._:-")),
    { type: "string", pattern: LOGS_ID },
  )),
} as const;

const failure = v.union([
  text,
  v.strictObject({
    message: text,
    name: some(text),
    stack: some(text),
    code: some(text),
  }),
]);

const resultEntries = {
  ...reportEntries,
  job: uuid,
  queue: some(name),
  retention: some(v.union([v.literal("forever"), duration])),
} as const;

function outcomesWith<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.variant("outcome", [
    v.strictObject({
      ...resultEntries,
      ...entries,
      outcome: v.literal("complete"),
      result: some(anything),
    }),
    v.strictObject({
      ...resultEntries,
      ...entries,
      outcome: v.literal("fail"),
      error: failure,
      retry: some(v.union([v.boolean(), v.strictObject({ delay: duration })])),
    }),
    v.strictObject({ ...resultEntries, ...entries, outcome: v.literal("snooze"), delay: duration }),
    v.strictObject({
      ...resultEntries,
      ...entries,
      outcome: v.literal("release"),
      delay: some(duration),
      error: some(failure),
    }),
  ]);
}

const outcome = named("Outcome", outcomesWith({ lease: uuid })) as Field<OutcomeBody>;

/** {@linkcode ClaimBody}. */
export const claim: Field<ClaimBody> = v.strictObject({
  worker: name,
  queues: some(v.union([
    some100(name, 1, QUEUES_MAX),
    v.pipe(
      v.record(text, whole(0, WORK_MAX)),
      v.maxEntries(QUEUES_MAX, `has more than ${QUEUES_MAX} queues`),
    ),
  ])),
  limit: some(whole(0, WORK_MAX)),
  lease: some(duration),
  id: some(newUuid),
  wait: some(duration),
  outcomes: some(some100(outcome, 0, WORK_MAX)),
  close: some(some100(uuid, 0, WORK_MAX)),
});

/** Outcomes of jobs of one lease, which the path names. */
export const leaseOutcomes: Field<
  Omit<OutcomeBody, "lease"> | readonly Omit<OutcomeBody, "lease">[]
> = oneOrMany(
  named("LeaseOutcome", outcomesWith({})) as Field<Omit<OutcomeBody, "lease">>,
  WORK_MAX,
);

const worker = v.strictObject({
  id: name,
  name,
  process: v.strictObject({
    runtime: some(v.pipe(text, v.maxLength(200))),
    host: some(v.pipe(text, v.maxLength(300))),
    pid: some(count),
  }),
  queues: v.pipe(v.record(text, count), v.maxEntries(QUEUES_MAX)),
  concurrency: count,
  state: word(["running", "draining", "stopping"]),
  ageMs: v.pipe(v.number(), v.minValue(0), v.maxValue(DURATION_MAX_MS)),
});
const beatEntries = { lease: some(duration), worker: some(worker) } as const;
const heldEntries = { ...reportEntries, job: uuid } as const;

/** {@linkcode HeartbeatBody}. */
export const heartbeat: Field<HeartbeatBody> = v.strictObject({
  ...beatEntries,
  leases: some100(uuid, 0, LEASES_MAX),
  jobs: some(some100(v.strictObject({ ...heldEntries, lease: some(uuid) }), 0, LEASES_MAX)),
});

/** {@linkcode HeartbeatBody} of one lease. */
export const leaseHeartbeat: Field<Omit<HeartbeatBody, "leases"> | undefined> = v.optional(
  v.strictObject({
    ...beatEntries,
    jobs: some(some100(v.strictObject(heldEntries), 0, LEASES_MAX)),
  }),
);

/** {@linkcode MarkBody}. */
export const mark: Field<MarkBody> = v.strictObject({
  holder: name,
  for: duration,
  prolong: some(v.boolean()),
});

/** {@linkcode MarkReleaseBody}. */
export const markRelease: Field<MarkReleaseBody> = v.strictObject({
  holder: name,
  unless: some(v.strictObject({
    queues: some100(name, 0, QUEUES_MAX),
    later: some(v.boolean()),
  })),
});

// ─── answers ───

const holder = named(
  "Holder",
  v.strictObject({
    state: v.nullable(state),
    lease: some(text),
    worker: some(text),
    since: some(time),
  }),
);
const outcomeAnswer = named(
  "OutcomeAnswer",
  v.union([
    v.strictObject({ job: text, stored: v.literal(true) }),
    v.strictObject({ job: text, stored: v.literal(false), holder }),
  ]),
);

const lasting = { expiresAt: time, expiresIn: ms } as const;

/** A `ClaimedBody`. */
export const claimed: Field<unknown> = v.strictObject({
  lease: some(v.strictObject({ id: text, ...lasting })),
  jobs: v.array(named(
    "ClaimedJob",
    v.strictObject({
      ...{ id: text, lease: text, task: text, queue: text, priority: v.number() },
      ...{ attempt: count, maxAttempts: count, timeout: ms, runAt: time, createdAt: time },
      payload: anything,
      meta: some(record),
      parentId: some(text),
      schedule: some(v.strictObject({ name: text, at: time })),
      locked: some(record),
      own: v.strictObject({ maxAttempts: v.nullable(count), options: v.nullable(record) }),
    }),
  )),
  outcomes: v.array(outcomeAnswer),
  nextDueIn: some(ms),
});

/** An `OutcomesAnswer`. */
export const settled: Field<unknown> = v.strictObject({ outcomes: v.array(outcomeAnswer) });

const commandEntries = {
  kind: word(["drain", "stop"]),
  graceMs: v.nullable(ms),
  reason: v.nullable(text),
} as const;

/** What a worker is asked to do. */
export const command: Field<unknown> = named("Command", v.strictObject(commandEntries));

/** A `BeatenBody`. */
export const beaten: Field<unknown> = v.strictObject({
  ...lasting,
  lost: v.array(v.strictObject({ job: text, state: v.nullable(state) })),
  command: some(command),
});

/** A `WakeupBody`. */
export const wakeup: Field<unknown> = v.strictObject({
  after: text,
  work: v.boolean(),
  nextDueIn: some(ms),
});

/** An `UpkeepBody`. */
export const upkeep: Field<unknown> = v.strictObject({
  rescued: v.array(v.strictObject({
    ...{ id: text, task: text, queue: text, attempt: count, state },
  })),
  enqueued: count,
  pruned: count,
  nextIn: ms,
});

/** A `MarkAnswer`. */
export const markAnswer: Field<unknown> = v.strictObject({ held: v.boolean() });
