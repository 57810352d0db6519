/**
 * A worker at work: claims jobs within its limits, runs their attempts, hands in the outcomes with
 * the next claim, and keeps its leases alive. Loaded when a worker is first told to do something.
 *
 * @module
 */
import { announce, announceTidied, asStored, type Exchange, signalEnded } from "./announce.ts";
import type { ExchangeAnswer } from "./broker.ts";
import { before, jittered } from "./clock.ts";
import {
  type AttemptCounts,
  countOf,
  type DrainEnd,
  drainLimits,
  type DrainOptions,
  type DrainSummary,
  isAlive,
  noCounts,
  summary,
} from "./drain.ts";
import type { Ending } from "./ending.ts";
import { ErrandError, isForbidden } from "./errors.ts";
import { emitErrors, onCancelled } from "./events.ts";
import { Heart } from "./heart.ts";
import { newId } from "./id.ts";
import { Janitor } from "./janitor.ts";
import { Loop } from "./loop.ts";
import { Pace } from "./pace.ts";
import { Patience } from "./patience.ts";
import { Runner } from "./runner.ts";
import { thisProcess } from "./runtime.ts";
import { Scheduler } from "./scheduler.ts";
import type { Slots } from "./slots.ts";
import { Turns } from "./turns.ts";
import type { Ticket } from "./wake.ts";
import type { WorkerBeat, WorkerCommand } from "./worker-broker.ts";
import type { WorkerHost, WorkerSettings } from "./worker-options.ts";

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5_000;
/** A drain returns so long after its deadline at the latest, whatever the database does. */
const HAND_IN_GRACE_MS = 500;
/** A drain gives up when so many exchanges in a row have failed. */
const DRAIN_TRIES = 8;
/** How long a stopping worker tries to hand in its last outcomes. */
const HAND_IN_MS = 15_000;
/** And so much later it has left, whether the database knows or not. */
const LEAVE_MS = 5_000;

/** What a worker is made with. */
export interface WorkingOptions extends WorkerSettings {
  readonly host: WorkerHost;
  readonly slots: Slots;
  readonly ending: Ending;
}

/** Works for one worker. */
export class Working {
  readonly #id: string;
  readonly #name: string;
  readonly #host: WorkerHost;
  readonly #leaseMs: number;
  readonly #pace: Pace;
  readonly #graceMs: number;
  readonly #slots: Slots;
  readonly #runner: Runner;
  readonly #loop: Loop;
  readonly #heart: Heart;
  readonly #janitor: Janitor;
  readonly #scheduler: Scheduler;
  readonly #counts: AttemptCounts = noCounts();
  readonly #turns: Turns;
  readonly #patience: Patience;
  readonly #ending: Ending;
  #unanswered: Exchange | undefined;
  /** Of a claim that got nothing: a request that was given up may have got something since. */
  #unusedLease: string | undefined;
  #state: "new" | "started" | "stopping" | "stopped" = "new";
  #believedEmpty = false;
  #drains = false;
  #nextDueMs: number | undefined;
  #claimsLeft = Infinity;
  #failures = 0;
  #lastError: unknown;
  #stopping: Promise<void> | undefined;
  #startMs = 0;
  #endWatch: (() => void) | undefined;
  #endEvents: (() => void) | undefined;

  /** Does nothing until it is started or drained. */
  constructor({ host, slots, ending, id, name, leaseMs, pollMs, graceMs }: WorkingOptions) {
    this.#id = id;
    this.#name = name;
    this.#host = host;
    this.#slots = slots;
    this.#leaseMs = leaseMs;
    this.#pace = new Pace(host.clock, pollMs, host.broker.silent);
    this.#graceMs = graceMs;
    this.#turns = new Turns(host.clock);
    this.#ending = ending;
    this.#patience = new Patience({ ...host, queues: () => slots.queues() });
    this.#loop = new Loop(host.clock, () => this.#turn());
    this.#heart = new Heart({
      ...{ ...host, id, leaseMs },
      held: () => this.#runner.held(),
      saved: (held) => this.#runner.saved(held),
      lose: (job, lease) => this.#runner.lose(job, lease),
      worker: () => this.#beat(),
      asked: (command) => this.#obey(command),
    });
    this.#janitor = new Janitor({
      ...{ ...host, leaseMs, beat: () => this.#heart.beat() },
      tidied: (done) => announceTidied(host, done),
    });
    this.#scheduler = new Scheduler({ ...host, pollMs });
    this.#runner = new Runner({
      ...{ ...host, name, leaseMs, slots: this.#slots, heart: this.#heart },
      ended: () => this.#loop.wake(),
      unbegun: () => void this.#claimsLeft++,
      lost: () => void this.#counts.lost++,
      stored: (ended) => {
        this.#announce(ended, false);
        signalEnded(host.wake, [ended]);
        host.wake.signal("work"); // its statements may have added jobs
      },
    });
  }

  /** Whether it claims jobs and runs them now. */
  get started(): boolean {
    return this.#state === "started";
  }

  /**
   * Begins to claim and run jobs; resolves when it has looked for the first ones. Its row is of no
   * use to others where it may be gone with the next look. Rejects, and stops, where it is refused.
   */
  async start(row: "now" | "later"): Promise<void> {
    if (this.#state === "started") return;
    if (this.#state !== "new") {
      const message = `Cannot start worker ${this.#name}: it was stopped; make a new one`;
      throw new ErrandError("CONFLICT", message);
    }
    const opening = this.#runner.open();
    if (opening !== undefined && (await opening, this.#state !== "new")) return this.start(row);
    this.#state = "started";
    this.#startMs = this.#host.clock.elapsedMs();
    const lose = (id: string): void => this.#runner.lose({ id, state: "cancelled" });
    this.#endEvents = onCancelled(this.#host.events, lose);
    const looked = this.#turns.next();
    this.#loop.start();
    const listed = this.#heart.start(row);
    this.#janitor.start();
    this.#scheduler.start();
    await looked;
    const refused = this.#failures > 0 && isForbidden(this.#lastError);
    if (refused) this.#unanswered = undefined; // nothing was claimed
    await (refused ? this.end(0) : listed);
    if (refused) throw this.#lastError;
  }

  /**
   * Works until there is nothing that it may claim, or a bound is reached, and stops: the same code
   * as {@linkcode start}. `beganMs`: when it was asked to.
   */
  async drain(options: DrainOptions, beganMs: number): Promise<DrainSummary> {
    const { deadlineMs, maxJobs } = drainLimits(options);
    if (this.#state !== "new") {
      throw new ErrandError("CONFLICT", `Cannot drain worker ${this.#name}: it was started before`);
    }
    this.#claimsLeft = maxJobs;
    this.#drains = true;
    const { broker, clock } = this.#host;
    const untilMs = beganMs + deadlineMs;
    const work = this.#drained(untilMs, options).finally(() => this.end(0));
    const ended = await before(clock, untilMs + HAND_IN_GRACE_MS, work) ?? "deadline";
    const stats = await broker.stats();
    const times = { now: new Date(clock.now()), nextOccurrence: this.#scheduler.nextAt() };
    return summary(this.#counts, ended, this.#slots.queues(), stats, times);
  }

  // ─── the loop: exchange, run, rest ───

  async #turn(): Promise<number> {
    const { broker, wake } = this.#host;
    this.#endWatch?.();
    try {
      const ticket = wake.ticket();
      const waits = this.#mayWait();
      if (!waits && !(await this.#worthAnExchange())) return this.#rest(ticket);
      const exchange = this.#unanswered ??= this.#exchange();
      const answer = await (waits ? this.#patience : broker).exchange(exchange.request);
      this.#unanswered = undefined;
      this.#failures = 0;
      this.#accept(exchange, answer);
      return this.#rest(ticket);
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#turns.end();
    }
  }

  /** There are outcomes to hand in, or room for jobs and a hint that there are some. */
  async #worthAnExchange(): Promise<boolean> {
    if (this.#owesOutcomes()) return true;
    const wanted = this.#wanted();
    if (wanted === undefined) return false;
    if (!this.#believedEmpty) return true;
    const glimpse = await this.#host.broker.glimpse(wanted.queues.map(({ queue }) => queue));
    this.#nextDueMs = glimpse.nextDueMs;
    this.#host.wake.heed(glimpse);
    return glimpse.available || glimpse.nextDueMs === 0;
  }

  /** There is nothing to do but to wait for jobs, and the store may do that. */
  #mayWait(): boolean {
    const idle = this.#believedEmpty && this.#slots.held === 0 && !this.#owesOutcomes();
    return idle && !this.#drains && this.#patience.can && this.#wanted() !== undefined;
  }

  #wanted(): ReturnType<Slots["wanted"]> {
    return this.#state === "started" ? this.#slots.wanted(this.#claimsLeft) : undefined;
  }

  #exchange(): Exchange {
    const ended = this.#runner.takeEnded();
    const wanted = this.#wanted();
    const claim = wanted && {
      ...{ lease: this.#unusedLease ?? newId(), leaseMs: this.#leaseMs },
      ...wanted,
    };
    const emptied = this.#heart.emptiedBy(ended.map(({ lease }) => lease));
    const closedLeases = [...this.#heart.takeEmptied(), ...emptied];
    const request = { worker: this.#id, settlements: ended, closedLeases };
    return { ended, request: claim === undefined ? request : { ...request, claim } };
  }

  #accept({ ended, request }: Exchange, answer: ExchangeAnswer): void {
    for (const { lease } of ended) this.#heart.letGo(lease);
    this.#heart.takeEmptied(); // this request has closed them
    for (const each of ended) this.#announce(asStored(each, answer), answer.lost.has(each.id));
    emitErrors(this.#host.events, "exchange", answer.dropped);
    signalEnded(this.#host.wake, ended);
    if (request.claim === undefined) return;
    this.#unusedLease = answer.jobs.length === 0 ? request.claim.lease : undefined;
    this.#believedEmpty = answer.jobs.length < request.claim.limit;
    this.#nextDueMs = answer.nextDueMs;
    this.#host.wake.heed(answer);
    this.#claimsLeft -= answer.jobs.length;
    if (answer.jobs.length > 0) this.#pace.quicken();
    this.#runner.accept(answer.jobs);
  }

  #announce(settled: Exchange["ended"][number], lost: boolean): void {
    if (lost) return this.#runner.announceLost(settled.job, false);
    this.#counts[countOf(settled.outcome)]++;
    announce(this.#host.events, this.#name, settled);
  }

  /** How long to rest, unless an outcome or news of a job comes first. */
  #rest(ticket: Ticket): number {
    const wanted = this.#wanted();
    if (wanted === undefined && this.#slots.held > 0) return this.#pace.mostMs;
    if (wanted !== undefined && !this.#believedEmpty || this.#mayWait()) return 0;
    const hear = (sure: boolean): void => {
      if (sure) {
        this.#believedEmpty = false;
        this.#pace.quicken();
      }
      this.#loop.wake();
    };
    const queues = wanted?.queues.map(({ queue }) => queue);
    this.#endWatch = this.#host.wake.watch("work", ticket, hear, queues && { queues });
    return Math.min(this.#nextDueMs ?? Infinity, this.#pace.pauseMs());
  }

  /** The request is kept and repeated: nothing that it hands in is lost. */
  #failed(error: unknown): number {
    const { clock, events } = this.#host;
    events.emit("error", { error, during: "exchange" });
    this.#lastError = error;
    if (this.#state === "stopping" && this.#unanswered?.ended.length === 0) {
      this.#unanswered = undefined; // what it may have got expires, and stopping waits for nobody
    }
    const pauseMs = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#failures++);
    return jittered(clock, pauseMs, 0.3);
  }

  // ─── what others see, and say ───

  #beat(): WorkerBeat {
    const [id, name] = [this.#id, this.#name];
    const state = this.#state === "started" ? "running" : this.#ending.state();
    const ageMs = this.#host.clock.elapsedMs() - this.#startMs;
    return { id, name, process: thisProcess(), ...this.#slots.limits(), state, ageMs };
  }

  /** What others asked for: with the same effect however often it is heard. */
  #obey(command: WorkerCommand): void {
    const { kind, graceMs } = command;
    void this.end(kind === "drain" ? Infinity : graceMs ?? this.#graceMs, command);
  }

  // ─── stopping ───

  /** Stops, with so much patience; `command` is there when others asked for it. */
  async end(graceMs: number, command?: WorkerCommand): Promise<void> {
    this.#ending.ask(graceMs, command);
    this.#turns.end(); // of a stop with more patience
    await (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    if (this.#state === "new") return this.#ended();
    this.#state = "stopping";
    this.#runner.close();
    this.#patience.end();
    this.#loop.wake();
    await this.#noneRunning();
    this.#runner.abortAll();
    await this.#runner.commitsEnded();
    const { clock } = this.#host;
    const untilMs = clock.elapsedMs() + HAND_IN_MS;
    await this.#handInLast(untilMs);
    await before(clock, untilMs + LEAVE_MS, this.#leave());
    this.#endWatch?.();
    this.#endEvents?.();
    this.#ended();
  }

  /** What is under way ends, and its row goes: one that a dead server keeps goes with its lease. */
  async #leave(): Promise<void> {
    const parts = [this.#loop, this.#janitor, this.#scheduler, this.#runner];
    await Promise.all(parts.map((each) => each.stop()));
    await this.#heart.stop(); // last, as the janitor makes it beat
    if (this.#owesOutcomes()) await this.#turn(); // of a claim that was under way
  }

  #ended(): void {
    this.#state = "stopped";
    this.#host.stopped();
    this.#turns.end();
    this.#host.events.emit("stopped", this.#ending.tell({ id: this.#id, name: this.#name }));
  }

  async #noneRunning(): Promise<void> {
    while (this.#runner.running > 0 && this.#ending.leftMs() > 0) {
      await this.#turns.next(this.#ending.leftMs());
    }
  }

  /** Leases of what cannot be handed in expire, and other workers rescue their jobs. */
  async #handInLast(untilMs: number): Promise<void> {
    const { clock } = this.#host;
    while (this.#owesOutcomes() && clock.elapsedMs() < untilMs) {
      if (this.#failures === 0) this.#loop.wake(); // else its pause is what helps
      await this.#turns.next(untilMs - clock.elapsedMs());
    }
  }

  #owesOutcomes(): boolean {
    return this.#runner.owed > 0 || this.#unanswered !== undefined;
  }

  async #drained(untilMs: number, options: DrainOptions): Promise<DrainEnd> {
    const { signal, scheduled = false } = options;
    const { clock } = this.#host;
    const abort = (): void => this.#turns.end();
    signal?.addEventListener("abort", abort);
    try {
      await this.#janitor.pass();
      await this.#janitor.keep();
      await this.#scheduler.catchUp();
      if (!signal?.aborted) await this.start("later");
      for (;;) {
        const leftMs = untilMs - clock.elapsedMs();
        if (this.#failures >= DRAIN_TRIES) throw this.#lastError;
        if (signal?.aborted || this.#state === "stopped") return "aborted";
        if (leftMs <= 0) return "deadline";
        const end = this.#state === "started" ? this.#nothingLeft() : undefined;
        if (end !== undefined && !(scheduled && await this.#waitsForOthers(end))) return end;
        await this.#turns.next(leftMs);
      }
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #nothingLeft(): DrainEnd | undefined {
    if (this.#slots.held > 0 || this.#owesOutcomes()) return undefined;
    if (this.#claimsLeft <= 0) return "max-jobs";
    return this.#believedEmpty || this.#slots.queues().length === 0 ? "empty" : undefined;
  }

  /** Jobs that are due later, or run elsewhere, will be for this worker or end without it. */
  async #waitsForOthers(end: DrainEnd): Promise<boolean> {
    return end === "empty" && isAlive(await this.#host.broker.stats(), this.#slots.queues());
  }
}
