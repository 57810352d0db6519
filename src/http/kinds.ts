/**
 * Kinds of jobs: what bodies say beside ids and payloads, checked once for all that say so.
 *
 * @module
 */
import { isNewId } from "../id.ts";
import type { JobTerms } from "../job-terms.ts";
import type { TermsSource } from "../new-job.ts";
import type { Task } from "../task.ts";
import type { Tasks } from "../tasks.ts";

/** What jobs of one kind have in common. */
export interface Kind {
  readonly known: TermsSource & Pick<Task, "input">;
  readonly terms: JobTerms;
}

/** What a body says beside its id and payload. */
export type Said = Readonly<Record<string, unknown>>;

interface Recent {
  readonly said: Said;
  readonly members: number;
  readonly kind: Kind;
}

const KINDS_MAX = 1_000;
const TEXT_MAX = 1_000;
/** Of one task; they are looked through one after the other. */
const RECENT_MAX = 16;

/** The kinds that one API has met; bounded, and made again when forgotten. */
export class Kinds {
  readonly #tasks: Tasks;
  readonly #byText = new Map<string, Kind>();
  readonly #recent = new Map<string, Recent[]>();
  #tasksKnown = 0;

  /** As `tasks` are known: with each that comes, all kinds are to be made again. */
  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /**
   * The kind of a body that says, in plain words, what a recent one said, beside a new id and a
   * payload: then there is nothing else to check in it.
   */
  familiar(body: unknown): Kind | undefined {
    if (typeof body !== "object" || body === null) return undefined;
    this.#forgetOld();
    const recent = this.#recent.get((body as Said).task as string);
    return recent?.find((one) => says(body as Said, one))?.kind;
  }

  /** The kind that `said` stands for, and `text` says, made by `make` unless it is there. */
  of(said: Said, text: string, make: () => Kind): Kind {
    this.#forgetOld();
    let kind = this.#byText.get(text);
    if (kind === undefined) {
      kind = make();
      if (text.length > TEXT_MAX) return kind;
      if (this.#byText.size >= KINDS_MAX) this.#byText.clear();
      this.#byText.set(text, kind);
    }
    this.#remember(said, kind);
    return kind;
  }

  #remember(said: Said, kind: Kind): void {
    const all = Object.values(said);
    if (all.some((value) => typeof value === "object")) return; // two of them are never the same
    const task = said.task as string;
    if (this.#recent.size >= KINDS_MAX) this.#recent.clear();
    const others = this.#recent.get(task)?.filter((one) => one.kind !== kind) ?? [];
    this.#recent.set(task, [{ said, members: all.length, kind }, ...others].slice(0, RECENT_MAX));
  }

  #forgetOld(): void {
    if (this.#tasks.size === this.#tasksKnown) return;
    this.#tasksKnown = this.#tasks.size;
    this.#byText.clear();
    this.#recent.clear();
  }
}

function says(body: Said, { said, members }: Recent): boolean {
  let found = 0;
  for (const name in body) {
    if (name === "payload") continue;
    const value = body[name];
    if (name === "id") {
      if (!isNewId(value)) return false;
    } else if (value === said[name]) {
      found++;
    } else {
      return false;
    }
  }
  return found === members;
}
