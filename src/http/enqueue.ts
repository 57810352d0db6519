/**
 * From the bodies of a request to jobs that can be stored, the same terms made once.
 *
 * @module
 */
import { ErrandError, invalid, type Issue } from "../errors.ts";
import { knownTask, metaText, prepare, type Prepared, termsOf } from "../new-job.ts";
import { partsOf } from "../parts.ts";
import type { EnqueueOptions } from "../task.ts";
import { Tasks } from "../tasks.ts";
import type { UniqueConflict } from "../unique.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { checkQueue } from "./access.ts";
import type { Caller } from "./auth.ts";
import { JOBS_MAX, newJobs } from "./bodies.ts";
import { parsed } from "./input.ts";
import { type Kind, Kinds } from "./kinds.ts";
import type { Call } from "./route.ts";
import type { NewJobBody } from "./wire.ts";

interface Conflicting {
  readonly onConflict?: UniqueConflict;
}

const NO_TASKS = new Tasks();

/** What preparing takes of a call. */
export type EnqueueCall = Pick<Call, "parts" | "settings" | "shared" | "caller">;

/**
 * The jobs that a body asks for, to be stored together; errors of one among many name it.
 *
 * @throws {ErrandError} as `enqueue` does; `FORBIDDEN` for a queue that is not the caller's.
 */
export function preparedJobs(
  call: EnqueueCall,
  body: unknown,
): readonly Prepared[] | Promise<readonly Prepared[]> {
  const kinds = call.shared.of(newKinds);
  const many = Array.isArray(body);
  const bodies = (many ? body : [body]) as readonly NewJobBody[];
  const familiar = familiarKinds(kinds, bodies);
  if (familiar === undefined) parsed(newJobs, body, "body");
  if (many) checkIds(bodies);
  let slow = false;
  const jobs = bodies.map((one, index) => {
    const path = many ? [index] : NOWHERE;
    const kind = familiar?.[index] ?? within(path, () => kindOf(call, kinds, one));
    const job = preparedJob(call, kind, one, path);
    slow ||= job instanceof Promise;
    return job;
  });
  return slow ? Promise.all(jobs) : jobs as readonly Prepared[];
}

const NOWHERE: Issue["path"] = [];

/** One id is for one job. */
function checkIds(bodies: readonly NewJobBody[]): void {
  const ids = new Set<string>();
  bodies.forEach(({ id }, index) => {
    if (id === undefined) return;
    if (ids.has(id)) {
      const message = "is the id of another job of this request";
      throw invalid(`Cannot use ${id}: it ${message}`, [{ message, path: [index, "id"] }]);
    }
    ids.add(id);
  });
}

function preparedJob(
  { caller, parts }: EnqueueCall,
  { known, terms }: Kind,
  { id, payload }: NewJobBody,
  path: Issue["path"],
): Prepared | Promise<Prepared> {
  checkQueue(caller, terms.queue);
  if (terms.unique !== undefined) checkConflict(caller, terms.unique);
  try {
    const job = id === undefined
      ? prepare(known, terms, payload, parts)
      : prepare(known, terms, payload, parts, id, "id and payload");
    return job instanceof Promise ? late(job, path) : job;
  } catch (error) {
    throw at([...path, "payload"], error);
  }
}

/** A job that its schema is still looking at. */
function late(job: Promise<Prepared>, path: Issue["path"]): Promise<Prepared> {
  const checked = job.catch((error) => {
    throw at([...path, "payload"], error);
  });
  checked.catch(() => {}); // another job of the request may be refused first
  return checked;
}

/** The kinds of bodies, if there is nothing to check in them that was not checked before. */
function familiarKinds(kinds: Kinds, bodies: readonly unknown[]): readonly Kind[] | undefined {
  if (bodies.length === 0 || bodies.length > JOBS_MAX) return undefined;
  const found: Kind[] = [];
  for (const body of bodies) {
    const kind = kinds.familiar(body);
    if (kind === undefined) return undefined;
    found.push(kind);
  }
  return found;
}

function newKinds(errand: ErrandVerbs): Kinds {
  return new Kinds(partsOf(errand).tasks);
}

/** Metadata may be anything: what is too large or too deep is refused before it is made a text. */
function textOf({ meta, ...said }: Omit<NewJobBody, "id" | "payload">): string {
  const text = JSON.stringify(said);
  return meta === undefined ? text : text + metaText(meta);
}

function kindOf(
  { parts, settings }: EnqueueCall,
  kinds: Kinds,
  { id: _, payload: __, ...said }: NewJobBody,
): Kind {
  return kinds.of(said, textOf(said), () => {
    const { task, onLeaseExpired, ...options } = said;
    const stranger = settings.anyTask && parts.tasks.get(task) === undefined;
    const known = knownTask(task, stranger ? NO_TASKS : parts.tasks);
    const source = onLeaseExpired === undefined ? known : { ...known, onLeaseExpired };
    const asked: EnqueueOptions | undefined = Object.keys(options).length > 0 ? options : undefined;
    return { known, terms: termsOf(source, asked, parts.queueDefaults) };
  });
}

/**
 * A key is one for all queues: who may not reach a job there must not change it either.
 *
 * @throws {ErrandError} `FORBIDDEN`.
 */
export function checkConflict(caller: Caller, { onConflict = "ignore" }: Conflicting): void {
  if (caller.queues === undefined || onConflict === "ignore") return;
  throw new ErrandError(
    "FORBIDDEN",
    `Cannot ${onConflict} on conflict: this token is limited to queues, and the job that holds ` +
      `the key may be in another`,
  );
}

/** What `make` makes; an error of it has `path` before the paths of its issues. */
export function within<Result>(path: Issue["path"], make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    throw at(path, error);
  }
}

/** The error, with `path` before the paths of its issues. */
function at(path: Issue["path"], error: unknown): unknown {
  if (!(error instanceof ErrandError) || path.length === 0) return error;
  const { code, message, cause } = error;
  const issues = error.issues.length > 0
    ? error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
    : [{ message, path }];
  return new ErrandError(code, message, { cause, issues });
}
