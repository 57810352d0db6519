/**
 * The jobs that a worker holds: those that wait for a slot, those that run, and those that have
 * ended and are still to be handed in.
 *
 * @module
 */
import { attemptRef, type EndedAttempt } from "./announce.ts";
import { Attempt, type AttemptHost } from "./attempt.ts";
import type { Broker, ClaimedJob, LostJob } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { type Commit, commit, type CommitEnd } from "./commit.ts";
import type { Events } from "./events.ts";
import type { Heart } from "./heart.ts";
import { Isolation } from "./isolation.ts";
import { toJobError } from "./job-error.ts";
import type { Held, Outcome, Report } from "./outcome.ts";
import type { Slots } from "./slots.ts";
import type { AbortReason, Task } from "./task.ts";
import type { Tasks } from "./tasks.ts";

/** What a runner works with and for. */
export interface RunnerHost {
  /** The worker's name. */
  readonly name: string;
  readonly broker: Pick<Broker, "complete">;
  readonly clock: Clock;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly slots: Slots;
  readonly heart: Heart;
  readonly payloadLimitBytes: number;
  readonly retentionMs: number | null;
  /** How long a claim lasts without a heartbeat. */
  readonly leaseMs: number;
  /** An attempt has ended: there is an outcome to hand in, or room for another job. */
  ended(): void;
  /** A completion was stored by itself. */
  stored(ended: EndedAttempt): void;
  /** A claimed job was given back without an attempt. */
  unbegun(): void;
  /** A job was lost to another worker, or cancelled. */
  lost(): void;
}

/** A job whose task this worker does not know is left to others, each time for longer. */
const NO_HANDLER_FIRST_MS = 250;
const NO_HANDLER_MOST_MS = 30_000;

/**
 * What was claimed ahead begins within this time, or is given back. It is also not begun when an
 * event loop was blocked for so long: the lease may have expired and the job ended elsewhere.
 */
const WAIT_MS = 1_000;

interface Waiting {
  readonly job: ClaimedJob;
  readonly task: Task;
  readonly sinceMs: number;
}

/** Runs claimed jobs as slots come free. */
export class Runner {
  readonly #host: RunnerHost;
  readonly #attemptHost: AttemptHost;
  readonly #isolation: Isolation;
  readonly #running = new Map<string, Attempt>();
  readonly #commits = new Set<Promise<CommitEnd>>();
  /** How long the next job of an unknown task is left to others. */
  readonly #unknown = new Map<string, number>();
  #begun: Attempt[] = [];
  #waiting: Waiting[] = [];
  #cancelReview: (() => void) | undefined;
  #ended: EndedAttempt[] = [];
  #closed = false;

  /** Holds nothing yet. */
  constructor(host: RunnerHost) {
    this.#host = host;
    this.#isolation = new Isolation(host.slots.limits().concurrency, host.payloadLimitBytes);
    this.#attemptHost = {
      clock: host.clock,
      payloadLimitBytes: host.payloadLimitBytes,
      retentionMs: host.retentionMs,
      policies: new Map(),
      commit: (request, signal) => this.#commit(request, signal),
      settle: (attempt, outcome, reason) => this.#settle(attempt, outcome, reason),
      report: () => host.heart.hurry(),
    };
  }

  /** Makes ready for what the tasks need; `undefined` when there is nothing to wait for. */
  open(): Promise<unknown> | undefined {
    return this.#isolation.open(this.#host.tasks.all());
  }

  /** Ends what was made ready; the last call. */
  stop(): Promise<void> {
    return this.#isolation.close();
  }

  /** Attempts that run. */
  get running(): number {
    return this.#running.size;
  }

  /** Attempts whose outcome is still to be handed in. */
  get owed(): number {
    return this.#ended.length;
  }

  /** Takes over what was claimed. */
  accept(jobs: readonly ClaimedJob[]): void {
    const { clock, heart, slots, tasks } = this.#host;
    const sinceMs = clock.elapsedMs();
    for (const job of jobs) {
      slots.hold(job.queue);
      heart.hold(job.lease);
      const task = tasks.get(job.task);
      if (task !== undefined) this.#waiting.push({ job, task, sinceMs });
      else this.#giveBack(job, this.#closed ? { kind: "release" } : this.#noHandler(job));
    }
    this.#fill();
    if (this.#waiting.length > 0) this.#cancelReview ??= clock.timer(WAIT_MS, () => this.#review());
  }

  /** The outcomes to hand in, once. */
  takeEnded(): readonly EndedAttempt[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** Everything that is held, with what handlers have to report. */
  held(): Held[] {
    const running = [...this.#running.values()].map((attempt): Held => {
      const { id, queue, lease } = attempt.job;
      const report = attempt.unsaved();
      return { id, queue, lease, ...(report !== undefined && { report }) };
    });
    return [
      ...running,
      ...this.#waiting.map(({ job: { id, queue, lease } }) => ({ id, queue, lease })),
    ];
  }

  /** What `held` reported was saved. */
  saved(held: readonly Held[]): void {
    for (const { id, report } of held) {
      if (report !== undefined) this.#running.get(id)?.saved(report);
    }
  }

  /** Gives up a job that is no longer held, under `lease` or, without one, at all. */
  lose({ id, state }: LostJob, lease?: string): void {
    // by the time that a heartbeat is answered, the job may have been claimed anew
    const meant = (job: ClaimedJob): boolean => lease === undefined || job.lease === lease;
    const attempt = this.#running.get(id);
    if (attempt !== undefined && meant(attempt.job)) {
      attempt.abort(state === "cancelled" ? "cancelled" : "lease-lost");
    }
    const lost = this.#waiting.find(({ job }) => job.id === id && meant(job));
    if (lost === undefined) return;
    const { job } = lost;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== lost);
    this.#host.slots.letGo(job.queue);
    this.#forget(job, state === "cancelled");
  }

  /** Begins nothing more: what waits, or is still to come, goes back. */
  close(): void {
    this.#closed = true;
    this.#cancelReview?.();
    this.#fill();
  }

  /** Ends what runs: each job goes back without having used up its attempt. */
  abortAll(): void {
    for (const attempt of [...this.#running.values()]) attempt.abort("shutdown");
  }

  /** Resolves when no completion is being stored by itself any more. */
  async commitsEnded(): Promise<void> {
    await Promise.all(this.#commits);
  }

  /** Tells that an outcome came too late, or was not needed. */
  announceLost(job: EndedAttempt["job"], cancelled: boolean): void {
    const { name, events } = this.#host;
    this.#host.lost();
    const reason = cancelled ? "CANCELLED" : "LEASE_LOST";
    events.emit("lost", { ...attemptRef(job, name), reason });
  }

  /** Begins what waits, as far as there are slots. */
  #fill(): void {
    this.#giveBackStale();
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const { slots } = this.#host;
    this.#waiting = [];
    let next = 0;
    while (next < waiting.length && (this.#closed || !slots.full)) {
      const held = waiting[next++]!;
      if (!this.#begin(held)) this.#waiting.push(held);
    }
    if (next < waiting.length) this.#waiting.push(...waiting.slice(next));
  }

  #review(): void {
    this.#giveBackStale();
    this.#cancelReview = this.#waiting.length > 0
      ? this.#host.clock.timer(WAIT_MS, () => this.#review())
      : undefined;
  }

  /** Handlers have become slow: what waits for them may run elsewhere. */
  #giveBackStale(): void {
    const { clock, leaseMs, slots } = this.#host;
    const [oldest] = this.#waiting;
    const latestMs = clock.elapsedMs() - Math.min(WAIT_MS, leaseMs);
    if (oldest === undefined || oldest.sinceMs > latestMs) return;
    const stale = this.#waiting.filter(({ sinceMs }) => sinceMs <= latestMs);
    this.#waiting = this.#waiting.filter(({ sinceMs }) => sinceMs > latestMs);
    for (const { job } of stale) {
      slots.stall(job.queue);
      this.#giveBack(job, { kind: "release" });
    }
  }

  #begin({ job, task }: Waiting): boolean {
    if (this.#closed) return this.#giveBack(job, { kind: "release" });
    const { name, events, slots } = this.#host;
    if (!slots.take(job.queue)) return false;
    const attempt = new Attempt(job, this.#isolation.task(task), this.#attemptHost);
    this.#running.set(job.id, attempt);
    if (events.heard("started")) events.emit("started", attemptRef(job, name));
    attempt.start();
    this.#watchTimeout(attempt);
    return true;
  }

  /** One turn later, for all that begin in this one. */
  #watchTimeout(attempt: Attempt): void {
    this.#begun.push(attempt);
    if (this.#begun.length > 1) return;
    void this.#host.clock.turn().then(() => {
      const begun = this.#begun;
      this.#begun = [];
      for (const attempt of begun) attempt.watchTimeout();
    });
  }

  #noHandler(job: ClaimedJob): Outcome {
    const { name, clock } = this.#host;
    const error = toJobError(
      new Error(`Worker ${name} knows no task "${job.task}": add it to its Errand's tasks`),
      { code: "NO_HANDLER", attempt: job.attempt, at: clock.now() },
    );
    const delayMs = this.#unknown.get(job.task) ?? NO_HANDLER_FIRST_MS;
    this.#unknown.set(job.task, Math.min(delayMs * 2, NO_HANDLER_MOST_MS));
    return { kind: "release", delayMs, error };
  }

  /** Hands back a job whose handler was not called. */
  #giveBack(job: ClaimedJob, outcome: Outcome): true {
    this.#host.slots.letGo(job.queue);
    this.#handIn(job, outcome, { retentionMs: null, tookMs: 0 });
    this.#host.unbegun();
    this.#host.ended();
    return true;
  }

  #settle(attempt: Attempt, outcome: Outcome | undefined, reason?: AbortReason): void {
    const { slots, clock } = this.#host;
    const { job, policy } = attempt;
    const tookMs = clock.elapsedMs() - attempt.startedMs;
    this.#running.delete(job.id);
    slots.free(job.queue, tookMs);
    slots.letGo(job.queue);
    if (outcome === undefined) {
      this.#forget(job, reason === "cancelled");
    } else {
      this.#handIn(job, outcome, { retentionMs: policy.retentionMs, tookMs }, attempt.unsaved());
    }
    this.#fill();
    this.#host.ended();
  }

  #commit(request: Commit, signal: AbortSignal): Promise<CommitEnd> {
    const end = commit(this.#host, request, signal);
    this.#commits.add(end);
    void end.then(() => this.#commits.delete(end));
    return end;
  }

  #handIn(
    job: ClaimedJob,
    outcome: Outcome,
    { retentionMs, tookMs }: Pick<EndedAttempt, "retentionMs" | "tookMs">,
    report?: Report,
  ): void {
    const { id, queue, lease } = job;
    const ended = { id, queue, lease, job, outcome, retentionMs, tookMs };
    if (outcome.kind === "complete" && outcome.statements !== undefined) {
      this.#host.heart.letGo(lease);
      return this.#host.stored(ended);
    }
    this.#ended.push(report === undefined ? ended : { ...ended, report });
  }

  #forget(job: ClaimedJob, cancelled: boolean): void {
    this.#host.heart.letGo(job.lease);
    this.announceLost(job, cancelled);
  }
}
