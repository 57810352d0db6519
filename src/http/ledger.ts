/**
 * What this process has handed out and been told: it spares looks into the database and decides
 * nothing that the database would not. Bounded; what is forgotten is looked up.
 *
 * @module
 */
import type { ClaimedJob, Standing } from "../broker.ts";
import type { Outcome } from "../outcome.ts";

/** What handing in an outcome takes to know of a job. */
export interface HeldJob
  extends Pick<Standing, "id" | "task" | "queue" | "attempt" | "maxAttempts" | "options"> {
  readonly worker: string;
  /** When it was handed out, by the clock's `elapsedMs`. */
  readonly sinceMs: number;
}

/** The kind of an outcome, as it is told: whether there is another attempt, the server may say. */
type Told = Exclude<Outcome["kind"], "retry">;

/** A job under a lease. */
export interface Hold {
  readonly id: string;
  readonly lease: string;
}

/** What ends that. */
interface Ending extends Hold {
  readonly outcome: Outcome;
}

const JOBS_MAX = 100_000;
const STORED_MAX = 100_000;

/** Jobs by the leases that were answered here. */
export class Ledger {
  readonly #leases = new Map<string, Map<string, HeldJob>>();
  readonly #stored = new Map<string, Told>();
  #count = 0;

  /** Jobs were handed out under `lease`. */
  hold(lease: string, jobs: readonly ClaimedJob[], of: Pick<HeldJob, "worker" | "sinceMs">): void {
    if (jobs.length === 0) return;
    this.#forget(lease);
    const held = jobs.map(({ id, task, queue, attempt, maxAttempts, options }) =>
      [id, { id, task, queue, attempt, maxAttempts, options, ...of }] as const
    );
    this.#leases.set(lease, new Map(held));
    this.#count += held.length;
    for (const oldest of this.#leases.keys()) {
      if (this.#count <= JOBS_MAX) break;
      this.#forget(oldest);
    }
  }

  /** What was handed out. */
  get({ id, lease }: Hold): HeldJob | undefined {
    return this.#leases.get(lease)?.get(id);
  }

  /** Leases that hold nothing, for all that is known here, once `settled` is. */
  emptiedBy(settled: readonly Hold[]): readonly string[] {
    const left = new Map<string, number>();
    for (const hold of settled) {
      const { lease } = hold;
      const jobs = left.get(lease) ?? this.#leases.get(lease)?.size ?? 0;
      left.set(lease, this.get(hold) === undefined ? jobs : jobs - 1);
    }
    return [...left].filter(([, jobs]) => jobs <= 0).map(([lease]) => lease);
  }

  /** A job was settled or lost. */
  letGo({ id, lease }: Hold): void {
    const jobs = this.#leases.get(lease);
    if (!jobs?.delete(id)) return;
    this.#count--;
    if (jobs.size === 0) this.#leases.delete(lease);
  }

  /** An outcome was stored: its repetition is known for one when the job itself cannot tell. */
  stored({ id, lease, outcome }: Ending): void {
    this.#stored.set(`${lease} ${id}`, told(outcome));
    if (this.#stored.size <= STORED_MAX) return;
    for (const oldest of this.#stored.keys()) {
      this.#stored.delete(oldest);
      return;
    }
  }

  /** Whether this outcome, or another one, was stored; `undefined` when that is not known. */
  wasStored(ending: Ending): "this" | "another" | undefined {
    const { id, lease, outcome } = ending;
    const stored = this.#stored.get(`${lease} ${id}`);
    if (stored === undefined || this.get(ending) !== undefined) return undefined; // or held anew
    return stored === told(outcome) ? "this" : "another";
  }

  #forget(lease: string): void {
    this.#count -= this.#leases.get(lease)?.size ?? 0;
    this.#leases.delete(lease);
  }
}

function told({ kind }: Outcome): Told {
  return kind === "retry" ? "fail" : kind;
}
