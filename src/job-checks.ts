/**
 * What the verbs for single jobs have in common: a usable id, and a job in a state that allows it.
 *
 * @module
 */
import type { Changed } from "./broker.ts";
import { ErrandError, invalid, show } from "./errors.ts";
import type { Job } from "./job.ts";

const ID_MAX_LENGTH = 128;

/** The id of what is a job or an id. */
export function idOf(what: Job | string): string {
  return what instanceof Object && "id" in what ? what.id : what as string;
}

/** `id`, when it can be a job's. */
export function checkId(act: string, id: string): string {
  if (isId(id)) return id;
  if (id as unknown instanceof Promise) {
    throw invalid(`Cannot ${act} a job: what was passed is a promise of one; await it first`);
  }
  throw invalid(`Cannot ${act} job ${show(id)}: an id is the text that enqueue gave it`);
}

/**
 * Whether it can be an id. Half a surrogate pair, which SQLite would make invalid UTF-8 of, ends
 * the process that reads it back by the native binding.
 */
export function isId(id: string): boolean {
  return typeof id === "string" && id.length > 0 && id.length <= ID_MAX_LENGTH &&
    !/\p{Cs}/u.test(id);
}

/** The job of `result`, when `verb` found it in a state that allows it. */
export function expectJob(
  verb: string,
  id: string,
  { job, changed }: Changed,
  fine: boolean = changed,
): Job {
  if (job === undefined) throw notFound(verb, id);
  if (fine) return job;
  throw new ErrandError("CONFLICT", `Cannot ${verb} job ${id}: it is ${job.state}`);
}

/** The error for a job that there is none of. */
export function notFound(act: string, id: string): ErrandError {
  return new ErrandError(
    "NOT_FOUND",
    `Cannot ${act} job ${show(id)}: there is no such job, or it was removed`,
  );
}
