/**
 * The jobs that a worker holds: those that wait for a slot, those that run, and those that have
 * ended and are still to be handed in.
 *
 * @module
 */
import { attemptRef, type EndedAttempt } from "./announce.ts";
import { Attempt, type AttemptHost } from "./attempt.ts";
import type { ClaimedJob, LostJob } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { Events } from "./events.ts";
import type { Heart } from "./heart.ts";
import { toJobError } from "./job-error.ts";
import type { Held, Outcome } from "./outcome.ts";
import type { Slots } from "./slots.ts";
import type { AbortReason } from "./task.ts";
import type { Tasks } from "./tasks.ts";

/** What a runner works with and for. */
export interface RunnerHost {
  /** The worker's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly slots: Slots;
  readonly heart: Heart;
  readonly payloadLimitBytes: number;
  readonly retentionMs: number | null;
  /** An attempt has ended: there is an outcome to hand in, or room for another job. */
  ended(): void;
  /** A job was lost to another worker, or cancelled. */
  lost(): void;
}

/** A job whose task this worker does not know is left to others for so long. */
const NO_HANDLER_PAUSE_MS = 30_000;

/** Runs claimed jobs as slots come free. */
export class Runner {
  readonly #host: RunnerHost;
  readonly #attemptHost: AttemptHost;
  readonly #running = new Map<string, Attempt>();
  #begun: Attempt[] = [];
  #waiting: ClaimedJob[] = [];
  #ended: EndedAttempt[] = [];
  #closed = false;

  /** Holds nothing yet. */
  constructor(host: RunnerHost) {
    this.#host = host;
    this.#attemptHost = {
      clock: host.clock,
      payloadLimitBytes: host.payloadLimitBytes,
      retentionMs: host.retentionMs,
      policies: new Map(),
      settle: (attempt, outcome, reason) => this.#settle(attempt, outcome, reason),
      report: () => host.heart.hurry(),
    };
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
    for (const job of jobs) {
      this.#host.slots.hold(job.queue);
      this.#host.heart.hold(job.lease);
      this.#waiting.push(job);
    }
    this.#fill();
  }

  /** The outcomes to hand in, once. */
  takeEnded(): readonly EndedAttempt[] {
    const ended = this.#ended;
    this.#ended = [];
    for (const { lease } of ended) this.#host.heart.letGo(lease);
    return ended;
  }

  /** Everything that is held, with what handlers have to report. */
  held(): Held[] {
    const running = [...this.#running.values()].map((attempt): Held => {
      const { id, queue, lease } = attempt.job;
      const report = attempt.unsaved();
      return { id, queue, lease, ...(report !== undefined && { report }) };
    });
    return [...running, ...this.#waiting.map(({ id, queue, lease }) => ({ id, queue, lease }))];
  }

  /** What `held` reported was saved. */
  saved(held: readonly Held[]): void {
    for (const { id, report } of held) {
      if (report !== undefined) this.#running.get(id)?.saved(report);
    }
  }

  /** Gives up a job that is no longer held. */
  lose({ id, state }: LostJob): void {
    this.#running.get(id)?.abort(state === "cancelled" ? "cancelled" : "lease-lost");
    const job = this.#waiting.find((waiting) => waiting.id === id);
    if (job === undefined) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== job);
    this.#host.slots.letGo(job.queue);
    this.#forget(job, state === "cancelled");
  }

  /** Begins nothing more: what waits, or is still to come, goes back. */
  close(): void {
    this.#closed = true;
    this.#fill();
  }

  /** Ends what runs: each job goes back without having used up its attempt. */
  abortAll(): void {
    for (const attempt of [...this.#running.values()]) attempt.abort("shutdown");
  }

  /** Tells that an outcome came too late, or was not needed. */
  announceLost(job: ClaimedJob, cancelled: boolean): void {
    const { name, events } = this.#host;
    this.#host.lost();
    const reason = cancelled ? "CANCELLED" : "LEASE_LOST";
    events.emit("lost", { ...attemptRef(job, name), reason });
  }

  /** Begins what waits, as far as there are slots. */
  #fill(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const job of waiting) if (!this.#begin(job)) this.#waiting.push(job);
  }

  #begin(job: ClaimedJob): boolean {
    if (this.#closed) return this.#giveBack(job, { kind: "release" });
    const { name, events, slots, tasks } = this.#host;
    const task = tasks.get(job.task);
    if (task === undefined) return this.#giveBack(job, this.#noHandler(job));
    if (!slots.take(job.queue)) return false;
    const attempt = new Attempt(job, task, this.#attemptHost);
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
    return { kind: "release", delayMs: NO_HANDLER_PAUSE_MS, error };
  }

  /** Hands back a job whose handler was not called. */
  #giveBack(job: ClaimedJob, outcome: Outcome): true {
    this.#host.slots.letGo(job.queue);
    this.#handIn(job, { outcome, retentionMs: null, tookMs: 0 });
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
      const report = attempt.unsaved();
      const { retentionMs } = policy;
      this.#handIn(job, { outcome, retentionMs, tookMs, ...(report !== undefined && { report }) });
    }
    this.#fill();
    this.#host.ended();
  }

  #handIn(
    job: ClaimedJob,
    end: Pick<EndedAttempt, "outcome" | "retentionMs" | "tookMs" | "report">,
  ): void {
    this.#ended.push({ id: job.id, queue: job.queue, lease: job.lease, job, ...end });
  }

  #forget(job: ClaimedJob, cancelled: boolean): void {
    this.#host.heart.letGo(job.lease);
    this.announceLost(job, cancelled);
  }
}
