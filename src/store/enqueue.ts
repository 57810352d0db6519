/**
 * Adding jobs: one statement for all jobs of a batch that differ in nothing but id and payload.
 *
 * @module
 */
import type { EnqueueAnswer } from "../broker.ts";
import type { JobTerms, NewJob } from "../job-terms.ts";
import type { Driver, Result, Statement, Value } from "./driver/driver.ts";
import { NOW } from "./sql.ts";
import { insertUnique, isUnique, uniqueAnswer, uniqueMember, uniqueQuestions } from "./unique.ts";

/**
 * `?2` is `{"<id>": <payload>, …}`. A job whose id is there already is left alone, so that the
 * statement may be repeated when an answer was lost.
 */
export const INSERT_JOBS: string = `
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, max_attempts, created_at,
    parent_id, payload, options, meta)
  SELECT key, ?3, ?4,
    CASE WHEN coalesce(?6, ${NOW} + ?7) <= ${NOW} THEN 'available' ELSE 'scheduled' END,
    ?5, coalesce(?6, ${NOW} + ?7), ?8, ${NOW}, ?9,
    CASE type WHEN 'object' THEN value WHEN 'array' THEN value ELSE ?2 -> fullkey END, ?10, ?11
  FROM json_each(?2)
  WHERE true ON CONFLICT (id) DO NOTHING`;

/** Right after it: fails, and the whole batch with it, when not all of `?1` jobs were added. */
const ALL_ADDED = "SELECT CASE changes() WHEN ?1 THEN 1 ELSE json('ID_TAKEN') END";

/** When job `?1` was added. */
export const CREATED_AT: string = "SELECT created_at FROM errand_job WHERE id = ?1";

/** Adds `jobs` in one transaction; what was added before tells its own time. */
export function enqueue(
  driver: Driver,
  now: number | null,
  jobs: readonly NewJob[],
): Promise<EnqueueAnswer> {
  return added(driver, now, jobs, insertStatements(now, jobs));
}

/** What came of `jobs`, which `inserts` add. */
export async function added(
  driver: Driver,
  now: number | null,
  jobs: readonly NewJob[],
  inserts: readonly Statement[],
): Promise<EnqueueAnswer> {
  if (jobs.some(isUnique)) {
    return uniqueAnswer(await driver.write([...inserts, ...uniqueQuestions(now, jobs)]));
  }
  const createdAt = { sql: CREATED_AT, args: [jobs[0]!.id] };
  if (now === null) {
    return { createdAtMs: only((await driver.write([...inserts, createdAt])).at(-1)) };
  }
  const results = await driver.write(inserts);
  const inserted = results.reduce((sum, { changes }) => sum + changes, 0);
  const repeated = inserted < jobs.length;
  return { createdAtMs: repeated ? only((await driver.read([createdAt]))[0]) : now };
}

function only(result: Result | undefined): number {
  return Number(result?.rows[0]?.[0]);
}

/** The statements that add `jobs`. */
export function insertStatements(now: number | null, jobs: readonly NewJob[]): Statement[] {
  return groups(jobs).flatMap(({ terms, members, given }) => {
    if (terms.unique !== undefined) {
      return insertUnique(terms.unique, [now, `[${members.join()}]`, ...columns(terms)]);
    }
    const insert = { sql: INSERT_JOBS, args: [now, `{${members.join()}}`, ...columns(terms)] };
    return given ? [insert, { sql: ALL_ADDED, args: [members.length] }] : [insert];
  });
}

/** Whether a caller gave the job's id. */
export function isGiven({ given }: NewJob): boolean {
  return given !== undefined;
}

/** Arguments `?3` and up. */
function columns(terms: JobTerms): Value[] {
  const { task, queue, priority, runAtMs, delayMs, maxAttempts, parentId, options, meta } = terms;
  return [task, queue, priority, runAtMs, delayMs, maxAttempts, parentId, options, meta];
}

interface Group {
  readonly terms: JobTerms;
  readonly members: string[];
  /** Whether callers gave their ids. */
  readonly given: boolean;
  length: number;
}

/** A statement takes no more jobs, or characters of JSON, than this; a batch has several. */
const GROUP_JOBS_MAX = 1_000;
const GROUP_LENGTH_MAX = 2 ** 20;

/**
 * Jobs with equal terms, whose ids are all given or all made here, as members of a JSON object from
 * id to payload.
 */
function groups(jobs: readonly NewJob[]): readonly Omit<Group, "length">[] {
  const [first, second] = jobs;
  if (first !== undefined && second === undefined) {
    // most, and without a key
    return [{ terms: first.terms, members: [memberOf(first)], given: isGiven(first) }];
  }
  const groups: Group[] = [];
  const open = new Map<string, Group>();
  let last: Group | undefined;
  for (const job of jobs) {
    const { terms } = job;
    const member = memberOf(job);
    const given = isGiven(job);
    const same = last?.terms === terms && last.given === given;
    const key = same ? undefined : termsKey(terms, given);
    let group = key === undefined ? last : open.get(key);
    if (group === undefined || isFull(group)) {
      groups.push(group = { terms, members: [], given, length: 0 });
      open.set(key ?? termsKey(terms, given), group);
    }
    group.members.push(member);
    group.length += member.length;
    last = group;
  }
  return groups;
}

function memberOf({ id, payload, uniqueKey }: NewJob): string {
  return uniqueKey === undefined ? `"${id}":${payload}` : uniqueMember(id, uniqueKey, payload);
}

function termsKey(terms: JobTerms, given: boolean): string {
  const { scope, windowMs, onConflict } = terms.unique ?? {};
  return JSON.stringify([...columns(terms), scope, windowMs, onConflict, given]);
}

function isFull({ members, length }: Group): boolean {
  return members.length >= GROUP_JOBS_MAX || length >= GROUP_LENGTH_MAX;
}
