// What the store is meant to do, as a list of jobs in memory.
import { isEnded, JOB_STATES, type JobState } from "../../src/job.ts";
import type { Outcome } from "../../src/outcome.ts";
import type { UniqueConflict, UniqueScope } from "../../src/unique.ts";
import { LEASE_MS, outcomes, WINDOW_MS } from "./jobs.ts";

/** One step of a random life of a store. Jobs and leases are counted back from the newest. */
export type Action =
  | {
    readonly kind: "enqueue";
    readonly queue: string;
    readonly priority: number;
    readonly delayMs: number;
    /** As the only one of its key, with this scope. */
    readonly scope: UniqueScope | undefined;
    readonly onConflict: UniqueConflict;
    /** By a call, or as statements of the caller's transaction, which commits or rolls back. */
    readonly via: "call" | "commit" | "rollback";
  }
  | {
    readonly kind: "claim";
    readonly queues: readonly string[];
    readonly limit: number;
  }
  | Settling
  /** A completion whose statements enqueue a job. */
  | Omit<Settling, "kind" | "outcome"> & { readonly kind: "commit" }
  /** A schedule's next occurrence, by who has read it as it is, or as it was. */
  | { readonly kind: "occur"; readonly stale: boolean }
  | { readonly kind: "cancel" | "retry" | "remove"; readonly job: number }
  | Many
  | { readonly kind: "heartbeat"; readonly lease: number }
  | { readonly kind: "rescue" | "prune" }
  | { readonly kind: "pause"; readonly queue: string; readonly paused: boolean }
  | { readonly kind: "limit"; readonly queue: string; readonly most: number | null }
  | { readonly kind: "wait"; readonly ms: number };

/** A batch of changes to the first jobs of a queue that are in one of the states. */
export interface Many {
  readonly kind: "many";
  readonly verb: "cancel" | "retry" | "remove";
  readonly queue: string;
  readonly states: readonly JobState[];
  readonly limit: number;
}

/** An outcome; without a lease it comes under the one that holds the job, or held it last. */
export interface Settling {
  readonly kind: "settle";
  readonly job: number;
  readonly lease: number | undefined;
  readonly outcome: Outcome["kind"];
  readonly retentionMs: number | null;
}

interface ModelJob {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  state: JobState;
  attempt: number;
  lease: string | null;
  runAt: number;
  expireAt: number | null;
  /** As the only one of its kind. */
  scope: UniqueScope | null;
  readonly windowEnd: number;
  claimed: boolean;
}

/** What of a job is compared. */
type ModelRow = Omit<ModelJob, "priority" | "windowEnd" | "claimed">;

const MAX_ATTEMPTS = 5;

/** The model: {@linkcode Model.run} answers what the store must answer. */
export class Model {
  readonly #retentionMs: number;
  readonly #paused = new Set<string>();
  readonly #limits = new Map<string, number>();
  readonly #leases = new Map<string, number>();
  #now: number;
  #jobs: ModelJob[] = [];
  #jobCount = 0;
  #leaseCount = 0;
  #occurrences = 0;

  constructor(now: number, retentionMs: number) {
    this.#now = now;
    this.#retentionMs = retentionMs;
  }

  get lastJob(): string {
    return this.jobId(0);
  }

  get lastLease(): string {
    return this.leaseId(0);
  }

  jobId(back: number): string {
    return `job ${1_000 + this.#jobCount - back}`;
  }

  leaseId(back: number): string {
    return `lease ${1_000 + this.#leaseCount - back}`;
  }

  /** Which job the last step was to settle, and under which lease. */
  settling(): { id: string; queue: string; lease: string } {
    return this.#settling;
  }

  /** What a schedule is stamped with that is read now. */
  get stamp(): string {
    return this.#occurrences === 0 ? "first" : `stamp ${this.#occurrences}`;
  }

  #settling = { id: "", queue: "q", lease: "" };

  run(step: Action): unknown {
    switch (step.kind) {
      case "enqueue":
        return this.#enqueue(step);
      case "claim":
        return this.#claim(step.queues, step.limit);
      case "settle":
        return this.#settle(step);
      case "commit":
        return this.#commit(step);
      case "occur":
        this.#jobCount++;
        if (step.stale) return [];
        this.#occurrences++;
        this.#add({
          queue: "q",
          priority: 0,
          state: "available",
          runAt: this.#now,
          scope: null,
        });
        return [this.lastJob];
      case "cancel":
      case "retry":
      case "remove":
        return this.#change(step.kind, this.#job(step.job));
      case "many": {
        const fitting = this.#jobs
          .filter(({ queue, state }) => queue === step.queue && step.states.includes(state))
          .slice(0, step.limit);
        for (const job of fitting) this.#change(step.verb, job);
        return fitting.map(({ id }) => id);
      }
      case "heartbeat": {
        const id = this.leaseId(step.lease);
        if (this.#leases.has(id)) this.#leases.set(id, this.#now + LEASE_MS);
        return undefined;
      }
      case "rescue":
        return this.#rescue();
      case "prune": {
        const old = this.#jobs.filter((job) => job.expireAt !== null && job.expireAt <= this.#now);
        for (const job of old) this.#drop(job);
        return old.length;
      }
      case "pause":
        this.#paused[step.paused ? "add" : "delete"](step.queue);
        return undefined;
      case "limit":
        if (step.most === null) this.#limits.delete(step.queue);
        else this.#limits.set(step.queue, step.most);
        return undefined;
      case "wait":
        this.#now += step.ms;
        return undefined;
    }
  }

  rows(): ModelRow[] {
    return this.#jobs.map((
      { priority: _, windowEnd: __, claimed: ___, ...row },
    ) => row);
  }

  leaseIds(): string[] {
    return [...this.#leases.keys()].sort();
  }

  tally(): Record<string, number> {
    const tally: Record<string, number> = {};
    for (const { queue, state } of this.#jobs) {
      if (isEnded(state)) {
        tally[`${queue} ${state}`] = (tally[`${queue} ${state}`] ?? 0) + 1;
      }
    }
    return tally;
  }

  counts(): Record<string, number> {
    return Object.fromEntries(
      JOB_STATES.map((
        state,
      ) => [state, this.#jobs.filter((job) => job.state === state).length]),
    );
  }

  #job(back: number): ModelJob | undefined {
    return this.#jobs.find(({ id }) => id === this.jobId(back));
  }

  /** The id of the job that kept the new one away. */
  #enqueue(step: Extract<Action, { kind: "enqueue" }>): string | undefined {
    const { queue, priority, delayMs, scope, via } = step;
    this.#jobCount++;
    if (via === "rollback") return undefined;
    const due = {
      state: delayMs === 0 ? "available" : "scheduled",
      runAt: this.#now + delayMs,
    } as const;
    if (scope !== undefined) {
      const rivals = this.#jobs.filter((job) => job.scope === scope && holds(job));
      for (const job of rivals) {
        if (scope === "window" && job.windowEnd <= this.#now) job.scope = null;
      }
      const holder = rivals.find(holds);
      const waits = holder?.state === "scheduled" ||
        holder?.state === "available";
      if (holder && waits && step.onConflict === "reschedule") {
        Object.assign(holder, due);
      }
      if (holder !== undefined) return via === "call" ? holder.id : undefined;
    }
    this.#add({ queue, priority, scope: scope ?? null, ...due });
    return undefined;
  }

  #add(
    job: Pick<ModelJob, "queue" | "priority" | "state" | "runAt" | "scope">,
  ): void {
    this.#jobs.push({
      ...{
        id: this.lastJob,
        attempt: 0,
        lease: null,
        expireAt: null,
        claimed: false,
      },
      ...{ windowEnd: this.#now + WINDOW_MS, ...job },
    });
  }

  #claim(queues: readonly string[], limit: number): string[] {
    this.#leaseCount++;
    for (const job of this.#jobs) {
      if (job.state === "scheduled" && job.runAt <= this.#now) {
        job.state = "available";
      }
    }
    const taken = this.#jobs
      .filter(({ state, queue }) =>
        state === "available" && queues.includes(queue) &&
        !this.#paused.has(queue)
      )
      .sort((a, b) => b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1))
      .filter(this.#roomy())
      .slice(0, limit);
    for (const job of taken) {
      Object.assign(job, {
        state: "running",
        attempt: job.attempt + 1,
        lease: this.lastLease,
      });
      job.claimed = true;
    }
    if (taken.length > 0) {
      this.#leases.set(this.lastLease, this.#now + LEASE_MS);
    }
    return taken.map(({ id }) => id);
  }

  /** Lets as many jobs of each queue through as may be begun. */
  #roomy(): (job: ModelJob) => boolean {
    const running = this.#jobs.filter(({ state }) => state === "running");
    const room = new Map(
      [...this.#limits].map(([queue, most]) => [
        queue,
        most - running.filter((job) => job.queue === queue).length,
      ]),
    );
    return ({ queue }) => {
      const left = room.get(queue) ?? Infinity;
      room.set(queue, left - 1);
      return left > 0;
    };
  }

  /** The lease under which an outcome is handed in. */
  #handIn(
    step: Pick<Settling, "job" | "lease">,
    job: ModelJob | undefined,
  ): string {
    const lease = step.lease === undefined ? job?.lease ?? "no lease" : this.leaseId(step.lease);
    this.#settling = {
      id: this.jobId(step.job),
      queue: job?.queue ?? "q",
      lease,
    };
    return lease;
  }

  /** Whether the outcome was lost. */
  #settle(step: Settling): boolean {
    const job = this.#job(step.job);
    const lease = this.#handIn(step, job);
    const { outcome, retentionMs } = step;
    const discards = retentionMs === 0 &&
      (outcome === "complete" || outcome === "fail");
    const held = job?.state === "running" && job.lease === lease;
    if (job !== undefined && held) this.#apply(job, outcome, retentionMs);
    this.#close(lease);
    if (job === undefined) return !discards;
    return !held && !(job.lease === lease && endsIn(outcome, job.state));
  }

  #commit(step: Extract<Action, { kind: "commit" }>): string {
    const job = this.#job(step.job);
    const lease = this.#handIn(step, job);
    this.#jobCount++;
    if (job === undefined || job.lease !== lease) return "lost";
    if (job.state !== "running") {
      return job.state === "completed" ? "stored" : "lost";
    }
    this.#apply(job, "complete", step.retentionMs);
    this.#add({
      queue: "q",
      priority: 0,
      state: "available",
      runAt: this.#now,
      scope: null,
    });
    this.#close(lease);
    return "stored";
  }

  #apply(
    job: ModelJob,
    outcome: Outcome["kind"],
    retentionMs: number | null,
  ): void {
    switch (outcome) {
      case "complete":
      case "fail":
        if (retentionMs === 0) return this.#drop(job);
        return this.#end(
          job,
          outcome === "complete" ? "completed" : "failed",
          retentionMs,
        );
      case "retry":
      case "snooze":
        job.state = "scheduled";
        job.runAt = this.#now + outcomes[outcome].delayMs;
        if (outcome === "snooze") job.attempt--;
        return;
      case "release":
        job.state = "available";
        job.attempt--;
    }
  }

  #change(
    verb: "cancel" | "retry" | "remove",
    job: ModelJob | undefined,
  ): boolean {
    if (job === undefined) return false;
    if (verb === "retry") return this.#retry(job);
    if (verb === "cancel" ? isEnded(job.state) : job.state === "running") {
      return false;
    }
    if (verb === "remove") {
      this.#drop(job);
      return true;
    }
    job.lease = null;
    this.#end(job, "cancelled", this.#retentionMs);
    return true;
  }

  #retry(job: ModelJob): boolean {
    if (!isEnded(job.state)) return false;
    const fresh = {
      state: "available",
      attempt: 0,
      lease: null,
      expireAt: null,
    } as const;
    const rivals = this.#jobs.filter((other) => other !== job && other.scope === job.scope);
    if (rivals.some(holds)) job.scope = null;
    job.claimed = false;
    Object.assign(job, fresh, { runAt: this.#now });
    return true;
  }

  #rescue(): string[] {
    const expired = [...this.#leases].filter(([, expiresAt]) => expiresAt <= this.#now);
    const ids = new Set(expired.map(([id]) => id));
    const held = this.#jobs.filter((job) => job.state === "running" && ids.has(job.lease ?? ""));
    for (const job of held) {
      job.lease = null;
      if (job.attempt >= MAX_ATTEMPTS) {
        this.#end(job, "failed", this.#retentionMs);
      } else job.state = "available";
    }
    for (const id of ids) this.#leases.delete(id);
    return held.map(({ id }) => id).sort();
  }

  #close(lease: string): void {
    const holds = this.#jobs.some((job) => job.state === "running" && job.lease === lease);
    if (!holds) this.#leases.delete(lease);
  }

  #end(job: ModelJob, state: JobState, retentionMs: number | null): void {
    job.state = state;
    job.expireAt = retentionMs === null ? null : this.#now + retentionMs;
  }

  #drop(job: ModelJob): void {
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }
}

/** Whether the job keeps others of its key away. */
function holds({ scope, state, claimed }: ModelJob): boolean {
  if (scope === null) return false;
  if (scope === "waiting") return !claimed && !isEnded(state);
  return scope === "window" || !isEnded(state);
}

/** Whether an outcome of this kind leaves its job in such a state. */
function endsIn(kind: Outcome["kind"], state: JobState): boolean {
  if (kind === "complete") return state === "completed";
  if (kind === "fail") return state === "failed";
  return state === "available" || state === "scheduled";
}
