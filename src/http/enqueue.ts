/**
 * From the bodies of a request to jobs that can be stored, the same terms made once.
 *
 * @module
 */
import type { JobTerms } from "../job-terms.ts";
import { ErrandError, type Issue } from "../errors.ts";
import { isNewId } from "../id.ts";
import {
  knownTask,
  metaText,
  prepare,
  type Prepared,
  termsOf,
  type TermsSource,
} from "../new-job.ts";
import type { EnqueueOptions, Task } from "../task.ts";
import { Tasks } from "../tasks.ts";
import type { UniqueConflict } from "../unique.ts";
import { checkQueue } from "./access.ts";
import type { Caller } from "./auth.ts";
import { JOBS_MAX, newJobs } from "./bodies.ts";
import { parsed } from "./input.ts";
import type { Call } from "./route.ts";
import type { NewJobBody } from "./wire.ts";

type Known = TermsSource & Pick<Task, "input">;

interface Kind {
  /** The task as it was known then. */
  readonly task: Task | undefined;
  readonly known: Known;
  readonly terms: JobTerms;
}

/** Kinds of jobs: what requests say beside ids and payloads, checked once for all that say so. */
export class Kinds {
  readonly #kinds = new Map<string, Kind>();

  /** The kind that `text` says, if it is known and its task is still the same. */
  get(text: string, task: Task | undefined): Kind | undefined {
    const there = this.#kinds.get(text);
    return there?.task === task ? there : undefined;
  }

  /** The same, made by `make` unless it is there. */
  of(text: string, task: Task | undefined, make: () => Kind): Kind {
    const there = this.get(text, task);
    if (there !== undefined) return there;
    const kind = make();
    if (text.length > TEXT_MAX) return kind;
    if (this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
    this.#kinds.set(text, kind);
    return kind;
  }
}

interface Conflicting {
  readonly onConflict?: UniqueConflict;
}

const KINDS_MAX = 1_000;
const TEXT_MAX = 1_000;
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
  const familiar = familiarKinds(call, kinds, many ? body : [body]);
  if (familiar === undefined) parsed(newJobs, body, "body");
  const jobs = ((many ? body : [body]) as readonly NewJobBody[]).map((one, index) => {
    const path = many ? [index] : NOWHERE;
    const kind = familiar?.[index] ?? within(path, () => kindOf(call, kinds, one));
    return preparedJob(call, kind, one, path);
  });
  return jobs.some((job) => job instanceof Promise)
    ? Promise.all(jobs)
    : jobs as readonly Prepared[];
}

const NOWHERE: Issue["path"] = [];

function preparedJob(
  { caller, parts }: EnqueueCall,
  { known, terms }: Kind,
  { id, payload }: NewJobBody,
  path: Issue["path"],
): Prepared | Promise<Prepared> {
  checkQueue(caller, terms.queue);
  if (terms.unique !== undefined) checkConflict(caller, terms.unique);
  const wrong = (error: unknown): never => {
    throw at([...path, "payload"], error);
  };
  try {
    const job = prepare(known, terms, payload, parts, id);
    if (!(job instanceof Promise)) return job;
    const checked = job.catch(wrong);
    checked.catch(() => {}); // another job of the request may be refused first
    return checked;
  } catch (error) {
    return wrong(error);
  }
}

/**
 * The kinds of bodies that say, in plain words, what earlier ones said, beside new ids and
 * payloads: then there is nothing else to check in them.
 */
function familiarKinds(
  { parts }: EnqueueCall,
  kinds: Kinds,
  bodies: readonly unknown[],
): readonly Kind[] | undefined {
  if (bodies.length === 0 || bodies.length > JOBS_MAX) return undefined;
  const found: Kind[] = [];
  for (const body of bodies) {
    if (typeof body !== "object" || body === null) return undefined;
    const { id, payload: _, ...said } = body as Readonly<Record<string, unknown>>;
    if (id !== undefined && !isNewId(id)) return undefined;
    for (const name in said) if (typeof said[name] === "object") return undefined;
    const task = typeof said.task === "string" ? parts.tasks.get(said.task) : undefined;
    const kind = kinds.get(JSON.stringify(said), task);
    if (kind === undefined) return undefined;
    found.push(kind);
  }
  return found;
}

function newKinds(): Kinds {
  return new Kinds();
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
  const task = parts.tasks.get(said.task);
  return kinds.of(textOf(said), task, () => {
    const { task: name, onLeaseExpired, ...options } = said;
    const known = knownTask(name, settings.anyTask && task === undefined ? NO_TASKS : parts.tasks);
    const source = onLeaseExpired === undefined ? known : { ...known, onLeaseExpired };
    const asked: EnqueueOptions | undefined = Object.keys(options).length > 0 ? options : undefined;
    return { task, known, terms: termsOf(source, asked, parts.queueDefaults) };
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
