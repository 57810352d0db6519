/**
 * The way of prepared jobs into the store, and telling of them those who listen.
 *
 * @module
 */
import type { ApiBroker, Broker, EnqueueAnswer } from "./broker.ts";
import { Collector } from "./collector.ts";
import { ErrandError, isRefusal } from "./errors.ts";
import type { Events } from "./events.ts";
import type { NewJob } from "./job-terms.ts";
import type { EnqueuedJob } from "./job.ts";
import { kept } from "./lazy.ts";
import { enqueuedJob, type Prepared, type Stored } from "./new-job.ts";
import { isDue, type Nudge } from "./nudge.ts";
import type { OnceKey } from "./once-broker.ts";
import type { Wake } from "./wake.ts";

/** Seldom is an id there already. */
const taken = kept(() => import("./taken.ts"));

interface IntakeHost {
  readonly broker: Pick<Broker, "enqueue" | "api">;
  readonly events: Events;
  readonly wake: Wake;
  readonly nudge: Nudge | undefined;
}

/** Where the jobs of one Errand are taken in: those of one turn of the event loop as one batch. */
export class Intake {
  readonly #host: IntakeHost;
  readonly #collector: Collector<NewJob, EnqueueAnswer>;

  /** Into the store that `host` has. */
  constructor(host: IntakeHost) {
    this.#host = host;
    this.#collector = new Collector((jobs) => this.#add(jobs), isRefusal);
  }

  /** Stores jobs, of which {@linkcode told} is to tell then. */
  write(jobs: readonly Prepared[]): Promise<EnqueueAnswer> {
    return this.#collector.add(jobs);
  }

  /** Tells of jobs that were stored; they are as their callers see them. */
  told(jobs: readonly Prepared[], answer: EnqueueAnswer): EnqueuedJob[] {
    const { events, nudge, wake } = this.#host;
    const accepted = jobs.map((job) => enqueuedJob(job, answer));
    if (events.heard("enqueued")) {
      for (const job of accepted) if (job.enqueued === "inserted") events.emit("enqueued", { job });
    }
    wake.signal("work");
    if (nudge !== undefined && accepted.some(isDue)) nudge.send();
    return accepted;
  }

  /** Stores jobs and tells of them; for who makes something else of them. */
  async store(jobs: readonly Prepared[]): Promise<Stored> {
    return this.#stored(jobs, await this.write(jobs));
  }

  /**
   * The same on behalf of a request that may come again: as they stood after the first one.
   *
   * @throws {ErrandError} `CONFLICT` when that was another request.
   */
  async storeOnce(jobs: readonly Prepared[], key: OnceKey): Promise<Stored> {
    const once = await remembering(this.#host.broker).enqueueOnce({ ...key, jobs });
    if (once.kind === "other") throw keyTaken();
    if (once.kind === "taken") {
      const { beside } = await taken();
      return await this.storeOnce(beside(jobs, once.jobs), key);
    }
    const { kind, ids, answer } = once;
    if (kind === "stored") return this.#stored(jobs, answer);
    return { jobs: jobs.map((job, index) => ({ ...job, id: ids[index]! })), answer };
  }

  /** Resolves when everything that was added is stored, or has failed. */
  async settled(): Promise<void> {
    await this.#collector.settled();
  }

  async #add(jobs: readonly NewJob[]): Promise<EnqueueAnswer> {
    const answer = await this.#host.broker.enqueue(jobs);
    if (answer.taken === undefined) return answer;
    const { beside } = await taken();
    return await this.#add(beside(jobs, answer.taken));
  }

  #stored(jobs: readonly Prepared[], answer: EnqueueAnswer): Stored {
    const { events, nudge, wake } = this.#host;
    if (nudge === undefined && !events.heard("enqueued")) wake.signal("work");
    else this.told(jobs, answer);
    return { jobs, answer };
  }
}

/** What remembers requests. @throws {ErrandError} `CONFLICT` where nothing does. */
export function remembering({ api }: Pick<Broker, "api">): ApiBroker {
  if (api !== undefined) return api;
  throw new ErrandError("CONFLICT", "Cannot remember a request: this Errand has no database");
}

/** The error for a key that another request has. */
export function keyTaken(): ErrandError {
  return new ErrandError(
    "CONFLICT",
    "Cannot repeat the request: another one was sent with its key; use a key for one request",
  );
}
