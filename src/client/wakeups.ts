/**
 * Hears of work from a server: by one request at a time, which the server answers when there may be
 * some, and only while somebody listens.
 *
 * @module
 */
import { type Clock, jittered, sleep, systemClock } from "../clock.ts";
import type { WakeupBody } from "../http/wire.ts";
import { listed, type Requests } from "./requests.ts";

/** Proxies give a request up that is silent for a minute. */
const WAIT_MS = 30_000;
/** One who begins to listen often stops at once: a job was done before another could come. */
const BEGIN_MS = 5;
/** One who stops listening often begins again at once: the request may wait so long for that. */
const LINGER_MS = 1_000;
/** When so many answers in a row led to no job, the next one is asked for later and later. */
const FRUITLESS_MAX = 3;
const PAUSE_FIRST_MS = 20;
const PAUSE_MOST_MS = 5_000;

interface Poll {
  readonly queues: ReadonlySet<string>;
  readonly ended: AbortController;
}

/** What one client hears. */
export class Wakeups {
  readonly #requests: Requests;
  readonly #heard: () => void;
  readonly #clock: Clock;
  #queues: ReadonlySet<string> = new Set();
  #poll: Poll | undefined;
  /** How far the server's news were heard. */
  #after: string | undefined;
  /** There was an answer when nobody listened. */
  #missed = false;
  #fruitless = 0;
  #cancelLinger: (() => void) | undefined;

  /** Calls `heard` when there may be work in a queue that is listened for. */
  constructor(requests: Requests, heard: () => void, clock: Clock = systemClock) {
    this.#requests = requests;
    this.#heard = heard;
    this.#clock = clock;
  }

  /** Listens for work in these queues from now on, and in no others. */
  listen(queues: ReadonlySet<string>): void {
    this.#queues = queues;
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    if (queues.size === 0) {
      this.#cancelLinger = this.#clock.timer(LINGER_MS, () => this.stop());
    } else if (this.#missed) {
      queueMicrotask(() => this.#tell());
    } else if (this.#poll === undefined || !isWithin(queues, this.#poll.queues)) {
      this.#poll?.ended.abort();
      this.#poll = { queues, ended: new AbortController() };
      void this.#run(this.#poll);
    }
  }

  /** There was a job for somebody: the server's answers lead to something. */
  found(): void {
    this.#fruitless = 0;
  }

  /** Gives up the request that is under way unless somebody listens: others may need its answer. */
  settle(): void {
    if (this.#queues.size === 0) this.stop();
  }

  /** Gives up the request that is under way. */
  stop(): void {
    this.#cancelLinger?.();
    this.#poll?.ended.abort();
    this.#poll = undefined;
  }

  async #run(poll: Poll): Promise<void> {
    const { signal } = poll.ended;
    await this.#pause(signal);
    let work = false;
    while (!work && !signal.aborted && this.#queues.size > 0) work = await this.#ask(poll);
    if (this.#poll !== poll) return; // another one listens instead
    this.#poll = undefined;
    if (work) this.#fruitless++;
    if (work) this.#tell();
  }

  /** Whether there may be work; after a failure there may be, and whoever looks meets the cause. */
  async #ask({ queues, ended: { signal } }: Poll): Promise<boolean> {
    try {
      const answer = await this.#requests.send<WakeupBody>("/v1/wakeups", {
        query: { queues: listed(queues), after: this.#after, wait: WAIT_MS },
        ...{ waitMs: WAIT_MS, signal, once: true },
      });
      this.#after = answer.after;
      return answer.work;
    } catch {
      this.#fruitless = Math.max(this.#fruitless, FRUITLESS_MAX);
      return !signal.aborted;
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const times = this.#fruitless - FRUITLESS_MAX;
    const pauseMs = Math.min(PAUSE_FIRST_MS * 2 ** times, PAUSE_MOST_MS);
    const fullMs = times < 0 ? BEGIN_MS : jittered(this.#clock, pauseMs, 0.3);
    await sleep(this.#clock, fullMs, signal);
  }

  #tell(): void {
    this.#missed = this.#queues.size === 0;
    if (!this.#missed) this.#heard();
  }
}

function isWithin(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  for (const each of some) if (!all.has(each)) return false;
  return true;
}
