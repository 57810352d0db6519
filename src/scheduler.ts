/**
 * What enqueues the occurrences of schedules. Each pass is one bounded batch, and any number of
 * workers may run passes: a schedule moves from one occurrence to the next in the very batch that
 * enqueues the first, and only if it still stands where it was read.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import { type Clock, jittered } from "./clock.ts";
import { ErrandError } from "./errors.ts";
import type { Events } from "./events.ts";
import { newId } from "./id.ts";
import type { Job } from "./job.ts";
import { Loop } from "./loop.ts";
import { cronReady, due, type NextRuns } from "./recurrence.ts";
import type { ScheduleRecord } from "./schedule.ts";
import type { DueSchedules, ScheduleMove } from "./schedule-broker.ts";
import type { Wake } from "./wake.ts";

/** What a scheduler works with. */
export interface SchedulerHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly wake: Wake;
  readonly nextRuns: NextRuns;
  /** The longest that it rests. */
  readonly pollMs: number;
}

/** Schedules that a pass moves at most. */
const SCHEDULES_MAX = 100;
/** Occurrences that it enqueues at most, of one schedule and in all. */
const OCCURRENCES_MAX = 100;
const BATCH_MAX = 1_000;
/** Passes in a row. */
const PASSES_MAX = 100;
/** When others commit, it looks no more often than this. */
const NEWS_GAP_MS = 1_000;
/** A schedule whose next occurrence cannot be computed is left alone for so long. */
const BROKEN_MS = 60_000;
/** After a pass that failed. */
const RETRY_MS = 1_000;

/** Runs passes when a schedule is due. */
export class Scheduler {
  readonly #host: SchedulerHost;
  readonly #loop: Loop;
  /** Names of schedules that cannot be moved, and until when they are left alone. */
  readonly #broken = new Map<string, number>();
  #lastMs = -Infinity;
  #lookMs = -Infinity;
  #dueMs = Infinity;
  #endListening: (() => void) | undefined;
  /** How many occurrences it has enqueued. */
  enqueued = 0;

  /** Rests until started, or asked for a pass. */
  constructor(host: SchedulerHost) {
    this.#host = host;
    this.#loop = new Loop(host.clock, () => this.#turn());
  }

  /** Begins to look. */
  start(): void {
    this.#endListening ??= this.#host.wake.listen((own) => this.#news(own));
    this.#loop.start();
  }

  /** Looks no more; resolves when the pass that runs has ended. */
  stop(): Promise<void> {
    this.#endListening?.();
    return this.#loop.stop();
  }

  /** Enqueues what is due now, in as many passes as that takes, within reason. */
  async catchUp(): Promise<void> {
    for (let passes = 0; passes < PASSES_MAX && (await this.pass()) <= 0; passes++);
  }

  /** When the next occurrence is due, by the last look. */
  nextAt(): Date | undefined {
    const { clock } = this.#host;
    if (this.#dueMs === Infinity) return undefined;
    return new Date(Math.ceil(clock.now() + this.#dueMs - clock.elapsedMs()));
  }

  /** One pass; answers the milliseconds until the next occurrence is due. */
  async pass(): Promise<number> {
    const { broker, clock, nextRuns } = this.#host;
    this.#lastMs = clock.elapsedMs();
    const found = await broker.schedules.due({
      limit: SCHEDULES_MAX,
      functions: Object.keys(nextRuns),
      except: this.#leftAlone(),
    });
    if (found.due.some(({ rule }) => "cron" in rule)) await cronReady();
    const moves = this.#moves(found);
    if (moves.length > 0) this.#tell(await broker.schedules.move(moves, newId()));
    const delayMs = this.#untilDue(found, moves);
    this.#dueMs = clock.elapsedMs() + delayMs;
    return delayMs;
  }

  async #turn(): Promise<number> {
    const { clock, events, pollMs } = this.#host;
    const restMs = this.#lookMs - clock.elapsedMs();
    if (restMs > 0) return restMs;
    this.#lookMs = Infinity; // news that come during the pass bring it down
    let delayMs = RETRY_MS;
    try {
      delayMs = Math.min(await this.pass(), jittered(clock, pollMs, 0.1));
    } catch (error) {
      events.emit("error", { error, during: "schedules" });
    }
    this.#lookMs = Math.min(this.#lookMs, clock.elapsedMs() + delayMs);
    return this.#lookMs - clock.elapsedMs();
  }

  #news(own: boolean): void {
    const lookMs = own ? -Infinity : this.#lastMs + NEWS_GAP_MS;
    if (lookMs >= this.#lookMs) return;
    this.#lookMs = lookMs;
    this.#loop.wake();
  }

  #moves({ due, nowMs }: DueSchedules): ScheduleMove[] {
    let room = BATCH_MAX;
    return due.flatMap((record) => {
      const move = this.#move(record, nowMs, Math.min(room, OCCURRENCES_MAX));
      room -= move?.occurrences.length ?? 0;
      return move ?? [];
    });
  }

  /** None while the batch has no room, or when the next occurrence cannot be computed. */
  #move(record: ScheduleRecord, nowMs: number, room: number): ScheduleMove | undefined {
    const { name, stamp, overlap, maxRuns, runs } = record;
    if (room <= 0) return undefined;
    try {
      const { occurrences, nextMs } = due(record, record.nextRunMs!, {
        nowMs,
        catchUp: overlap === "skip" && record.catchUp === "all" ? "latest" : record.catchUp,
        limit: Math.min(room, (maxRuns ?? Infinity) - runs),
        functions: this.#host.nextRuns,
      });
      return {
        name,
        stamp,
        nextRunMs: nextMs ?? null,
        occurrences: occurrences.map((atMs) => ({ id: newId(), atMs })),
      };
    } catch (cause) {
      this.#leave(name, cause);
      return undefined;
    }
  }

  #leave(name: string, cause: unknown): void {
    const { clock, events } = this.#host;
    this.#broken.set(name, clock.elapsedMs() + BROKEN_MS);
    const error = new ErrandError(
      "INVALID_INPUT",
      `Cannot go on with schedule "${name}": ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
    events.emit("error", { error, during: "schedules" });
  }

  #leftAlone(): string[] {
    const nowMs = this.#host.clock.elapsedMs();
    for (const [name, untilMs] of this.#broken) {
      if (untilMs <= nowMs) this.#broken.delete(name);
    }
    return [...this.#broken.keys()];
  }

  #tell(jobs: readonly Job[]): void {
    const { events, wake } = this.#host;
    if (jobs.length === 0) return;
    this.enqueued += jobs.length;
    for (const job of jobs) events.emit("enqueued", { job });
    wake.signal("work");
  }

  #untilDue({ due, nowMs, nextDueMs = Infinity }: DueSchedules, moves: readonly ScheduleMove[]) {
    const broken = due.filter(({ name }) => this.#broken.has(name)).length;
    if (due.length === SCHEDULES_MAX || moves.length + broken < due.length) return 0;
    const untilMs = moves.map(({ nextRunMs }) => (nextRunMs ?? Infinity) - nowMs);
    return Math.max(0, Math.min(nextDueMs, ...untilMs));
  }
}
