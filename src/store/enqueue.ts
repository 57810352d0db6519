/**
 * Adding jobs: one statement for all jobs of a batch that differ in nothing but id and payload.
 *
 * @module
 */
import type { JobTerms, NewJob } from "../broker.ts";
import type { Driver, Statement, Value } from "./driver/driver.ts";
import { NOW } from "./sql.ts";

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
    CASE WHEN type IN ('object', 'array') THEN value ELSE ?2 -> fullkey END, ?10, ?11
  FROM json_each(?2)
  WHERE true ON CONFLICT (id) DO NOTHING`;

const CREATED_AT = "SELECT created_at FROM errand_job WHERE id = ?1";

/** Adds `jobs` in one transaction. */
export async function enqueue(
  driver: Driver,
  now: number | null,
  jobs: readonly NewJob[],
): Promise<{ readonly createdAtMs: number }> {
  const inserts = insertStatements(now, jobs);
  const results = await driver.write([...inserts, { sql: CREATED_AT, args: [jobs[0]!.id] }]);
  return { createdAtMs: Number(results[inserts.length]?.rows[0]?.[0]) };
}

function insertStatements(now: number | null, jobs: readonly NewJob[]): Statement[] {
  return groups(jobs).map(({ terms, members }) => ({
    sql: INSERT_JOBS,
    args: [now, `{${members}}`, ...columns(terms)],
  }));
}

/** Arguments `?3` and up. */
function columns(terms: JobTerms): Value[] {
  const { task, queue, priority, runAtMs, delayMs, maxAttempts, parentId, options, meta } = terms;
  return [task, queue, priority, runAtMs, delayMs, maxAttempts, parentId, options, meta];
}

interface Group {
  readonly terms: JobTerms;
  members: string;
}

/** Jobs with equal terms, as members of a JSON object from id to payload. */
function groups(jobs: readonly NewJob[]): Group[] {
  const byTerms = new Map<JobTerms, Group>();
  const byText = new Map<string, Group>();
  for (const { id, payload, terms } of jobs) {
    const member = `"${id}":${payload}`;
    const group = byTerms.get(terms) ?? byText.get(JSON.stringify(columns(terms)));
    if (group === undefined) {
      const first = { terms, members: member };
      byTerms.set(terms, first);
      byText.set(JSON.stringify(columns(terms)), first);
    } else {
      group.members += `,${member}`;
    }
  }
  return [...byText.values()];
}
