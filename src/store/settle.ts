/**
 * Handing in outcomes. Every statement is fenced: it changes a job only while that job runs under
 * the lease that the outcome names. The ended job keeps the lease's id, so that a repetition after
 * a lost answer is recognised as done.
 *
 * @module
 */
import { endsJob, type Held, type Outcome, type Settlement, stateAfter } from "../outcome.ts";
import type { Driver, Result, Statement } from "./driver/driver.ts";
import { NOW, tally, withError } from "./sql.ts";

/** `?2` is `{"<id>": <result>, …}`, `?3` their lease, `?4` their retention. */
export const COMPLETE: string = `
  UPDATE errand_job SET state = 'completed', ended_at = ${NOW}, expire_at = ${NOW} + ?4,
    result = CASE WHEN type IN ('object', 'array') THEN value
      WHEN type = 'null' THEN NULL ELSE ?2 -> fullkey END
  FROM json_each(?2) AS outcome
  WHERE errand_job.id = outcome.key AND lease_id = ?3 AND state = 'running'`;

/** `?2` is `{"<id>": <error>, …}`. */
const FAIL = `
  UPDATE errand_job SET state = 'failed', ended_at = ${NOW}, expire_at = ${NOW} + ?4,
    errors = ${withError("outcome.value")}
  FROM json_each(?2) AS outcome
  WHERE errand_job.id = outcome.key AND lease_id = ?3 AND state = 'running'`;

/** For jobs that no retention keeps. */
const DISCARD = `
  DELETE FROM errand_job
  WHERE id IN (SELECT key FROM json_each(?2)) AND lease_id = ?3 AND state = 'running'`;

const DISCARD_LOGS = `
  DELETE FROM errand_log WHERE job_id IN (
    SELECT key FROM json_each(?2) WHERE NOT EXISTS (SELECT 1 FROM errand_job WHERE id = key))`;

/**
 * `?2` is `{"<id>": [delay ms or null, attempts given back, error or null], …}`. Without a delay
 * the job keeps its place in the queue.
 */
const PUT_BACK = `
  UPDATE errand_job SET
    state = CASE WHEN coalesce(outcome.value ->> 0, 0) = 0 THEN 'available' ELSE 'scheduled' END,
    run_at = coalesce(${NOW} + (outcome.value ->> 0), run_at),
    attempt = attempt - (outcome.value ->> 1),
    errors = CASE WHEN outcome.value ->> 2 IS NULL THEN errors
      ELSE ${withError("outcome.value -> 2")} END
  FROM json_each(?2) AS outcome
  WHERE errand_job.id = outcome.key AND lease_id = ?3 AND state = 'running'`;

/** Right after a statement that ended jobs of queue `?1` in state `?2`. */
export const COUNT_ENDED: string = tally("SELECT ?1, ?2, changes() WHERE changes() > 0");

/** A lease goes when nothing runs under it any more; a repeated or early call changes nothing. */
export const CLOSE_LEASES: string = `
  DELETE FROM errand_lease
  WHERE id IN (SELECT value FROM json_each(?1)) AND NOT EXISTS (
    SELECT 1 FROM json_each(errand_lease.jobs) AS listed
    CROSS JOIN errand_job ON errand_job.id = listed.value
    WHERE lease_id = errand_lease.id AND state = 'running')`;

/** `?1` is `[{"id", "lease", "payload", "progress"}, …]`; what is absent stays as it is. */
const REPORT = `
  UPDATE errand_job SET
    payload = CASE WHEN json_type(report.value, '$.payload') IS NULL THEN payload
      ELSE report.value -> '$.payload' END,
    progress = CASE WHEN json_type(report.value, '$.progress') IS NULL THEN progress
      ELSE report.value -> '$.progress' END
  FROM json_each(?1) AS report
  WHERE errand_job.id = report.value ->> '$.id' AND lease_id = report.value ->> '$.lease'
    AND state = 'running'`;

/** `?1` is `[[job, lease, id, lines], …]`. */
const LOG = `
  INSERT INTO errand_log (job_id, id, lines)
  SELECT value ->> 0, value ->> 2, value -> 3 FROM json_each(?1)
  WHERE EXISTS (SELECT 1 FROM errand_job
    WHERE errand_job.id = value ->> 0 AND lease_id = value ->> 1 AND state = 'running')
  ON CONFLICT DO NOTHING`;

/**
 * Which of `?1`, `[[id, lease, state after, 1 if its row stays], …]`, were not settled so under the
 * lease that they name. A discarded job leaves no row that could tell who ended it, so none means
 * done.
 */
const UNSETTLED = `
  SELECT outcome.value ->> 0 FROM json_each(?1) AS outcome
  LEFT JOIN errand_job ON errand_job.id = outcome.value ->> 0
  WHERE (lease_id IS NOT outcome.value ->> 1
      OR outcome.value ->> 2 <> CASE state WHEN 'scheduled' THEN 'available' ELSE state END)
    AND (errand_job.id IS NOT NULL OR outcome.value ->> 3)`;

/** Statements that save what handlers said on the way, to be run before any outcome. */
export function reportStatements(held: readonly Held[]): Statement[] {
  const said = held.filter(({ report }) => report !== undefined);
  const values = said.filter(({ report }) => report!.payload ?? report!.progress)
    .map(({ id, lease, report }) => {
      const { payload, progress } = report!;
      return `{"id":"${id}","lease":"${lease}"` +
        `${payload === undefined ? "" : `,"payload":${payload}`}` +
        `${progress === undefined ? "" : `,"progress":${progress}`}}`;
    });
  const logs = said.flatMap(({ id, lease, report }) =>
    (report!.logs ?? []).map((chunk) => `["${id}","${lease}","${chunk.id}",${chunk.lines}]`)
  );
  return [
    ...(values.length > 0 ? [{ sql: REPORT, args: [`[${values.join()}]`] }] : []),
    ...(logs.length > 0 ? [{ sql: LOG, args: [`[${logs.join()}]`] }] : []),
  ];
}

/** The statements of a batch of outcomes, and which of them count settled jobs. */
export interface SettlementBatch {
  readonly statements: readonly Statement[];
  /** Indexes of the statements whose changed rows are settled jobs. */
  readonly counted: readonly number[];
  /** Index of the statement that asks what was not settled: see {@linkcode settlementBatch}. */
  readonly unsettled?: number;
}

/**
 * One fenced statement for all jobs with the same kind of outcome, lease, queue and retention. A
 * job that was put back may be claimed by the next statement, so it is asked for before that.
 */
export function settlementBatch(
  now: number | null,
  settlements: readonly Settlement[],
): SettlementBatch {
  const statements = reportStatements(settlements);
  const counted: number[] = [];
  for (const { first, members } of groups(settlements)) {
    counted.push(statements.length);
    statements.push(...groupStatements(now, first, `{${members}}`));
  }
  if (settlements.every(({ outcome }) => endsJob(outcome))) return { statements, counted };
  statements.push(unsettledStatement(settlements));
  return { statements, counted, unsettled: statements.length - 1 };
}

/** The fenced statement that ends the job of one settlement, and what goes with it. */
export function settledStatements(now: number | null, of: Settlement): Statement[] {
  return groupStatements(now, of, `{"${of.id}":${memberText(of.outcome)}}`);
}

function groupStatements(now: number | null, of: Settlement, members: string): Statement[] {
  const { lease, queue, retentionMs, outcome } = of;
  if (!endsJob(outcome)) return [{ sql: PUT_BACK, args: [now, members, lease] }];
  if (retentionMs === 0) {
    return [
      { sql: DISCARD, args: [null, members, lease] },
      { sql: DISCARD_LOGS, args: [null, members] },
    ];
  }
  const completed = outcome.kind === "complete";
  return [
    { sql: completed ? COMPLETE : FAIL, args: [now, members, lease, retentionMs] },
    { sql: COUNT_ENDED, args: [queue, completed ? "completed" : "failed"] },
  ];
}

interface Group {
  readonly first: Settlement;
  members: string;
}

function groups(settlements: readonly Settlement[]): readonly Group[] {
  const groups: Group[] = [];
  let last: Group | undefined;
  for (const settlement of settlements) {
    const member = `"${settlement.id}":${memberText(settlement.outcome)}`;
    if (last === undefined || isFull(last) || !alike(last.first, settlement)) {
      last = groups.find((group) => !isFull(group) && alike(group.first, settlement));
    }
    if (last === undefined) groups.push(last = { first: settlement, members: member });
    else last.members += `,${member}`;
  }
  return groups;
}

/** A statement takes no more characters of JSON than this and one result. */
const GROUP_LENGTH_MAX = 2 ** 20;

function isFull({ members }: Group): boolean {
  return members.length >= GROUP_LENGTH_MAX;
}

/** Whether one statement can settle both. */
function alike(a: Settlement, b: Settlement): boolean {
  if (a.lease !== b.lease) return false;
  if (!endsJob(a.outcome) || !endsJob(b.outcome)) return !endsJob(a.outcome) && !endsJob(b.outcome);
  return a.outcome.kind === b.outcome.kind && a.queue === b.queue &&
    a.retentionMs === b.retentionMs;
}

function memberText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "complete":
      return outcome.result ?? "null";
    case "fail":
      return JSON.stringify(outcome.error);
    case "retry":
      return `[${outcome.delayMs},0,${JSON.stringify(outcome.error)}]`;
    case "snooze":
      return `[${outcome.delayMs},1,null]`;
    case "release":
      return `[${outcome.delayMs ?? null},1,${JSON.stringify(outcome.error ?? null)}]`;
  }
}

/** Ids of the settlements that did not take effect, now or in an earlier try of the same batch. */
export async function lostSettlements(
  driver: Driver,
  settlements: readonly Settlement[],
  batch: SettlementBatch,
  results: readonly Result[],
): Promise<ReadonlySet<string>> {
  const settled = batch.counted.reduce((sum, index) => sum + results[index]!.changes, 0);
  if (settled === settlements.length) return NONE;
  const unsettled = batch.unsettled === undefined
    ? (await driver.read([unsettledStatement(settlements)]))[0]!
    : results[batch.unsettled]!;
  return new Set(unsettled.rows.map(([id]) => id as string));
}

const NONE: ReadonlySet<string> = new Set();

function unsettledStatement(settlements: readonly Settlement[]): Statement {
  const pairs = settlements.map(({ id, lease, outcome, retentionMs }) => [
    id,
    lease,
    stateAfter(outcome),
    retentionMs === 0 && endsJob(outcome) ? 0 : 1,
  ]);
  return { sql: UNSETTLED, args: [JSON.stringify(pairs)] };
}
