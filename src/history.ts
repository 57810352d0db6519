/**
 * History: many jobs changed by one call, and jobs enqueued again.
 *
 * @module
 */
import type { Broker, BulkRequest, JobQuery } from "./broker.ts";
import type { Due } from "./job-terms.ts";
import type { BulkFilter, BulkOptions, BulkResult } from "./bulk.ts";
import { checkSearchable } from "./encryption/searchable.ts";
import { invalid, show } from "./errors.ts";
import type { ErrandEvents, Events } from "./events.ts";
import { isEnded, JOB_STATES, type JobState } from "./job.ts";
import { jobQuery } from "./job-query.ts";
import { retentions } from "./retentions.ts";
import type { Tasks } from "./tasks.ts";
import type { Wake } from "./wake.ts";

/** What the verbs work with. */
export interface HistoryHost {
  readonly broker: Broker;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly wake: Wake;
  readonly retentionMs: number | null;
  /** When what is retried is due; now unless said. */
  readonly due?: Due;
}

/** One batch has so many jobs: the lock is held for some milliseconds, then others write. */
const BATCH_JOBS = 500;
/** So many are looked up at once, so that a sort by an index of other order is seldom made. */
const LOOK_JOBS = 10_000;
const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 1_000_000;

type BulkVerb = ErrandEvents["bulk"]["verb"];

interface VerbRule {
  readonly does: BulkRequest["verb"];
  /** The states that the verb can change. */
  readonly states: readonly JobState[];
  /** Those that it changes where the filter names none. */
  readonly unsaid: readonly JobState[];
}

const ENDED = JOB_STATES.filter(isEnded);
const LIVE = JOB_STATES.filter((state) => !isEnded(state));
const RESTING = JOB_STATES.filter((state) => state !== "running");

const RULES: Readonly<Record<BulkVerb, VerbRule>> = {
  purge: { does: "remove", states: ENDED, unsaid: ENDED },
  cancel: { does: "cancel", states: LIVE, unsaid: LIVE },
  retry: { does: "retry", states: ENDED, unsaid: ["failed"] },
  remove: { does: "remove", states: RESTING, unsaid: RESTING },
};

/** Changes the jobs of `filter`, batch by batch; each batch is one transaction. */
export async function changeMany(
  host: HistoryHost,
  verb: BulkVerb,
  filter: BulkFilter,
  options: BulkOptions = {},
): Promise<BulkResult> {
  const { broker, tasks } = host;
  if (filter?.where !== undefined) checkSearchable(broker, `${verb} jobs by where`);
  const query = bulkQuery(verb, filter, broker.verbs === undefined ? tasks : undefined);
  const { limit, cursor, dryRun } = checkedOptions(verb, options);
  if (broker.verbs !== undefined) return await changeWhole(host, verb, filter, options);
  if (query.where !== undefined) await broker.indexFields(tasks.fields());
  let after = cursor;
  let count = 0;
  for (let left = limit; left > 0;) {
    const most = Math.min(left, LOOK_JOBS);
    const found = await broker.fitting(query, after, most + 1);
    const ids = found.slice(0, most);
    count += dryRun ? ids.length : await changed(host, verb, query, ids);
    if (found.length <= most) return { count };
    after = ids[ids.length - 1]!;
    left -= ids.length;
  }
  return { count, cursor: after };
}

/** By one call of the store, which does not tell which jobs they were. */
async function changeWhole(
  { broker, due, events, wake }: HistoryHost,
  verb: BulkVerb,
  filter: BulkFilter,
  options: BulkOptions,
): Promise<BulkResult> {
  const result = await broker.verbs!.changeMany({
    ...{ verb, filter, options },
    ...(due !== undefined && { due }),
  });
  if (options.dryRun || result.count === 0) return result;
  events.emit("bulk", { verb, count: result.count, jobs: [] });
  wake.signal(verb === "retry" ? "work" : "end");
  return result;
}

async function changed(
  host: HistoryHost,
  verb: BulkVerb,
  query: JobQuery,
  ids: readonly string[],
): Promise<number> {
  const { broker, due, events, tasks, wake } = host;
  const kept = retentions(tasks, host.retentionMs);
  let count = 0;
  for (let from = 0; from < ids.length; from += BATCH_JOBS) {
    const batch = ids.slice(from, from + BATCH_JOBS);
    const jobs = await broker.changeMany({
      verb: RULES[verb].does,
      query,
      ids: batch,
      retentions: kept,
      ...(due !== undefined && { due }),
    });
    if (jobs.length === 0) continue;
    count += jobs.length;
    events.emit("bulk", { verb, count: jobs.length, jobs });
    wake.signal(verb === "retry" ? "work" : "end");
  }
  return count;
}

function bulkQuery(verb: BulkVerb, filter: BulkFilter, tasks: Tasks | undefined): JobQuery {
  if (typeof filter !== "object" || filter === null) {
    throw invalid(`Cannot ${verb} jobs by ${show(filter)}: a filter is an object`);
  }
  const { all, ...conditions } = filter;
  // a variable that was never set must not widen what is changed
  const unset = Object.entries(filter).find(([, value]) => value === undefined);
  if (unset !== undefined) {
    throw invalid(`Cannot ${verb} jobs by ${unset[0]} undefined: leave it out, or give a value`);
  }
  if (all !== undefined && all !== true) {
    throw invalid(`Cannot ${verb} jobs by all ${show(all)}: it is true, or left out`);
  }
  const some = Object.keys(conditions).length > 0;
  if (!some && !all) {
    throw invalid(`Cannot ${verb} jobs without a condition: if all are meant, say { all: true }`);
  }
  if (some && all) {
    throw invalid(`Cannot ${verb} all jobs and only some: all and conditions exclude each other`);
  }
  const said = conditions.state !== undefined || conditions.worker !== undefined;
  return withStates(verb, jobQuery(conditions, tasks, verb), said);
}

function withStates(verb: BulkVerb, query: JobQuery, said: boolean): JobQuery {
  const { states, unsaid } = RULES[verb];
  if (!said) return { ...query, states: unsaid };
  const bad = query.states.find((state) => !states.includes(state));
  if (bad !== undefined || query.states.length === 0) {
    throw invalid(`Cannot ${verb} jobs in state ${bad ?? "[]"}: it is for ${states.join(", ")}`);
  }
  return { ...query, states: [...new Set(query.states)] };
}

function checkedOptions(verb: BulkVerb, options: BulkOptions): Required<BulkOptions> {
  const { limit = LIMIT_DEFAULT, cursor = "", dryRun = false, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw invalid(`Cannot ${verb} jobs with ${show(unknown)}: options are limit, cursor, dryRun`);
  }
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX)) {
    throw invalid(`Cannot ${verb} ${show(limit)} jobs: limit is from 1 to ${LIMIT_MAX}`);
  }
  if (typeof cursor !== "string") {
    throw invalid(`Cannot ${verb} jobs from cursor ${show(cursor)}: it is no text`);
  }
  if (typeof dryRun !== "boolean") {
    throw invalid(`Cannot ${verb} jobs with dryRun ${show(dryRun)}: it is true or false`);
  }
  return { limit, cursor, dryRun };
}
