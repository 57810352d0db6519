/**
 * Where requests wait for work. However many wait, one look at a time is made for all of them, and
 * only when there is news; then they are served in the order of their coming, each only if there
 * is something left for it.
 *
 * @module
 */
import type { ApiBroker, Broker, Prospect, WaitingAnswer } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Events } from "../events.ts";
import { Loop } from "../loop.ts";
import { Pace } from "../pace.ts";
import type { Ticket, Wake } from "../wake.ts";

/** What parking works with. */
export interface ParkingHost {
  readonly broker: Pick<Broker, "silent">;
  readonly api: ApiBroker;
  readonly clock: Clock;
  readonly events: Events;
  readonly wake: Wake;
}

/** One who waits. */
export interface Wish {
  readonly queues: readonly string[];
  readonly waitMs: number;
  /** Whoever waits is gone when it aborts. */
  readonly signal: AbortSignal;
  /** Takes jobs and answers their queues; absent for one who is only told that there are some. */
  readonly take?: () => Promise<readonly string[]>;
}

/** The longest that nobody looks. */
const LOOK_MS = 5_000;
/** After a look that led to nothing, the next one comes no sooner. */
const GAP_MS = 2;
/** Jobs that are counted for those who wait. */
const COUNT_MAX = 1_000;
/** One who was told of a job comes for it in this time, or another is told. */
const HINT_MS = 250;
/** Looks at what has fallen due, in a row: each makes a thousand jobs available. */
const DUE_LOOKS_MAX = 10;
const RETRY_MS = 1_000;
/** Queues that are known to be empty. */
const EMPTY_MAX = 10_000;

interface Parked extends Wish {
  /** It is being served, and leaves when that has an end. */
  busy: boolean;
  over: boolean;
  leave(served: boolean): void;
  fail(error: unknown): void;
}

/** The parked requests of one API. */
export class Parking {
  readonly #host: ParkingHost;
  readonly #pace: Pace;
  readonly #parked = new Set<Parked>();
  readonly #hints = new Map<string, { told: number; untilMs: number }>();
  #loop: Loop | undefined;
  #endWatch: (() => void) | undefined;
  /** What the last looks found empty; news make it void. */
  #known: { readonly token: string; readonly queues: Set<string>; dueMs: number } = NOTHING;
  #restUntilMs = -Infinity;
  #closed = false;

  /** Nobody waits yet. */
  constructor(host: ParkingHost) {
    this.#host = host;
    this.#pace = new Pace(host.clock, LOOK_MS, host.broker.silent);
  }

  /** How many wait. */
  get size(): number {
    return this.#parked.size;
  }

  /** What tells whether there was news since. */
  token({ signals, version }: Ticket = this.#host.wake.ticket()): string {
    return `${signals.work}.${version}`;
  }

  /** Resolves with whether the wish was fulfilled, when it was or its time is over. */
  park(wish: Wish): Promise<boolean> {
    const { clock } = this.#host;
    const { signal, queues, waitMs } = wish;
    return new Promise((resolve, reject) => {
      if (signal.aborted || this.#closed) return resolve(false);
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", over);
        this.#parked.delete(parked);
        if (this.#parked.size === 0) this.#loop?.wake(); // to its end
      };
      const leave = (served: boolean): void => (end(), resolve(served));
      const fail = (error: unknown): void => (end(), reject(error));
      const parked: Parked = { ...wish, busy: false, over: false, leave, fail };
      const over = (): void => {
        parked.over = true;
        if (!parked.busy) leave(false);
      };
      const cancel = clock.timer(waitMs, over);
      signal.addEventListener("abort", over);
      this.#parked.add(parked);
      if (this.#loop === undefined) this.#begin();
      else if (!this.isEmpty(queues)) this.#loop.wake();
    });
  }

  /** Whether the last look found nothing in any of `queues`, and nothing has happened since. */
  isEmpty(queues: readonly string[]): boolean {
    const { clock, broker } = this.#host;
    const { token, queues: empty, dueMs } = this.#known;
    if (broker.silent && this.#loop === undefined) return false;
    if (clock.elapsedMs() >= dueMs || !queues.every((queue) => empty.has(queue))) return false;
    return token === this.token();
  }

  /** A claim that began after `ticket` found nothing in `queues`. */
  found(queues: readonly string[], ticket: Ticket, { nextDueMs = Infinity }: Prospect): void {
    const token = this.token(ticket);
    if (this.#known.token !== token || this.#known.queues.size > EMPTY_MAX) {
      this.#known = { token, queues: new Set(), dueMs: Infinity };
    }
    for (const queue of queues) this.#known.queues.add(queue);
    this.#known.dueMs = this.#host.clock.elapsedMs() + nextDueMs;
  }

  /** Somebody who may have been told of work has come for it. */
  arrived(queues: readonly string[]): void {
    for (const queue of queues) {
      const hint = this.#hints.get(queue);
      if (hint !== undefined && --hint.told <= 0) this.#hints.delete(queue);
    }
  }

  /** Whether there is work, for one who does not wait. */
  async look(queues: readonly string[]): Promise<boolean> {
    if (this.isEmpty(queues)) return false;
    const { jobs } = await this.#look(queues, this.#host.wake.ticket());
    return queues.some((queue) => (jobs.get(queue) ?? 0) > 0);
  }

  /** Milliseconds until the next job is due, by the last look. */
  nextDueMs(): number | undefined {
    const leftMs = this.#known.dueMs - this.#host.clock.elapsedMs();
    return Math.abs(leftMs) === Infinity ? undefined : Math.max(0, leftMs);
  }

  /** Sends everyone away. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const parked of [...this.#parked]) {
      parked.over = true;
      if (!parked.busy) parked.leave(false);
    }
    await this.#loop?.stop();
  }

  #begin(): void {
    this.#loop = new Loop(this.#host.clock, () => this.#turn());
    this.#loop.start();
  }

  async #turn(): Promise<number> {
    const { clock, events, wake } = this.#host;
    if (this.#parked.size === 0) return this.#end();
    const earlyMs = this.#restUntilMs - clock.elapsedMs();
    if (earlyMs > 0) return earlyMs;
    this.#endWatch?.();
    const ticket = wake.ticket();
    let restMs = RETRY_MS;
    try {
      const served = await this.#serve(ticket);
      if (!served) this.#restUntilMs = clock.elapsedMs() + GAP_MS;
      restMs = Math.min(this.#pace.pauseMs(), this.nextDueMs() ?? Infinity, this.#hintsMs());
    } catch (error) {
      events.emit("error", { error, during: "waiting" });
    }
    if (this.#parked.size === 0) return this.#end();
    this.#endWatch = wake.watch("work", ticket, (own) => {
      if (own) this.#pace.quicken();
      this.#loop?.wake();
    });
    return restMs;
  }

  #end(): number {
    this.#endWatch?.();
    this.#endWatch = undefined;
    void this.#loop?.stop();
    this.#loop = undefined;
    return 0;
  }

  /** Whether anyone was served. */
  async #serve(ticket: Ticket): Promise<boolean> {
    const queues = new Set<string>();
    for (const parked of this.#parked) for (const queue of parked.queues) queues.add(queue);
    const { jobs } = await this.#look([...queues], ticket);
    const free = this.#free(jobs);
    let served = false;
    for (const parked of [...this.#parked]) {
      const queue = parked.queues.find((queue) => (free.get(queue) ?? 0) > 0);
      if (queue === undefined || !this.#parked.has(parked)) continue;
      const got = parked.take === undefined ? [queue] : await this.#take(parked);
      for (const queue of got) free.set(queue, (free.get(queue) ?? 0) - 1);
      if (got.length === 0) { for (const queue of parked.queues) free.delete(queue); } // it is gone
      if (parked.take === undefined) this.#tell(parked, queue);
      served ||= got.length > 0;
    }
    return served;
  }

  #tell(parked: Parked, queue: string): void {
    this.#hint(queue);
    parked.leave(true);
  }

  async #take(parked: Parked): Promise<readonly string[]> {
    parked.busy = true;
    try {
      const got = await parked.take!();
      parked.busy = false;
      if (got.length > 0 || parked.over) parked.leave(got.length > 0);
      return got;
    } catch (error) {
      parked.fail(error);
      return [];
    }
  }

  async #look(queues: readonly string[], ticket: Ticket): Promise<WaitingAnswer> {
    const { api, wake } = this.#host;
    const most = Math.min(COUNT_MAX, this.#parked.size + 1 + this.#told());
    let found = await api.waiting({ queues, most, promote: false });
    for (let looks = 0; found.nextDueMs === 0 && looks < DUE_LOOKS_MAX; looks++) {
      found = await api.waiting({ queues, most, promote: true });
    }
    wake.heed(found);
    this.found(queues.filter((queue) => !found.jobs.get(queue)), ticket, found);
    for (const queue of queues) if (found.jobs.get(queue)) this.#known.queues.delete(queue);
    return found;
  }

  /** How many jobs nobody was told of. */
  #free(jobs: ReadonlyMap<string, number>): Map<string, number> {
    const nowMs = this.#host.clock.elapsedMs();
    return new Map([...jobs].map(([queue, n]) => {
      const hint = this.#hints.get(queue);
      if (hint !== undefined && hint.untilMs <= nowMs) this.#hints.delete(queue);
      return [queue, n - (this.#hints.get(queue)?.told ?? 0)];
    }));
  }

  #hint(queue: string): void {
    const told = (this.#hints.get(queue)?.told ?? 0) + 1;
    this.#hints.set(queue, { told, untilMs: this.#host.clock.elapsedMs() + HINT_MS });
  }

  #told(): number {
    let told = 0;
    for (const hint of this.#hints.values()) told += hint.told;
    return told;
  }

  #hintsMs(): number {
    let untilMs = Infinity;
    for (const hint of this.#hints.values()) untilMs = Math.min(untilMs, hint.untilMs);
    return Math.max(1, untilMs - this.#host.clock.elapsedMs());
  }
}

const NOTHING = { token: "", queues: new Set<string>(), dueMs: -Infinity };
