/**
 * Waiting at the server for jobs to end. Those who wait share a few requests, which the server
 * answers when one of their jobs has ended.
 *
 * @module
 */
import type { Ended } from "../broker.ts";
import { sleep, systemClock } from "../clock.ts";
import type { WaitedBody } from "../http/wire.ts";
import type { Job } from "../job.ts";
import type { Requests } from "./requests.ts";
import { toJob } from "./revive.ts";

/** Proxies give a request up that is silent for a minute. */
const WAIT_MS = 30_000;
/** A browser has no more than six connections to a server. */
const POLLS_MAX = 3;
const IDS_MAX = 500;
/** Who waits for many hears of those that end in so short a time together. */
const MANY = 50;
const GATHER_MS = 25;

interface Waiter {
  readonly ids: ReadonlySet<string>;
  readonly tell: (ended: Ended) => void;
  readonly fail: (error: unknown) => void;
}

interface Poll {
  readonly waiters: Set<Waiter>;
  /** Aborted when nobody waits for it, or others join. */
  ended: AbortController;
}

const NONE: Ended = { jobs: new Map(), missing: new Set() };

/** Those who wait on behalf of one client. */
export class Endings {
  readonly #requests: Requests;
  readonly #polls = new Set<Poll>();
  #joining: Waiter[] = [];

  /** Asks for nothing while nobody waits. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Which of up to 500 jobs have ended; resolves when one has, or the signal aborts. */
  next(ids: readonly string[], signal: AbortSignal): Promise<Ended> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve(NONE);
      const end = (): void => signal.removeEventListener("abort", leave);
      const waiter: Waiter = {
        ids: new Set(ids),
        tell: (ended) => resolve((end(), ended)),
        fail: (error) => reject((end(), error)),
      };
      const leave = (): void => {
        waiter.tell(NONE);
        this.#leave(waiter);
      };
      signal.addEventListener("abort", leave);
      if (this.#joining.push(waiter) === 1) queueMicrotask(() => this.#join());
    });
  }

  #join(): void {
    const joining = this.#joining;
    this.#joining = [];
    for (const waiter of joining) {
      const size = (poll: Poll): number => idsOf(poll).size;
      const [least] = [...this.#polls].sort((a, b) => size(a) - size(b));
      const fits = least !== undefined && size(least) + waiter.ids.size <= IDS_MAX;
      if (this.#polls.size >= POLLS_MAX && fits) {
        least.waiters.add(waiter);
        least.ended.abort();
      } else {
        const poll = { waiters: new Set([waiter]), ended: new AbortController() };
        this.#polls.add(poll);
        void this.#run(poll);
      }
    }
  }

  #leave(waiter: Waiter): void {
    this.#joining = this.#joining.filter((other) => other !== waiter);
    for (const { waiters, ended } of this.#polls) {
      if (waiters.delete(waiter) && waiters.size === 0) ended.abort();
    }
  }

  async #run(poll: Poll): Promise<void> {
    while (poll.waiters.size > 0) {
      poll.ended = new AbortController();
      const ids = idsOf(poll);
      if (ids.size > MANY) await sleep(systemClock, GATHER_MS, poll.ended.signal);
      try {
        const ended = await this.ended([...ids], WAIT_MS, poll.ended.signal);
        for (const waiter of poll.waiters) {
          const own = ownOf(waiter, ended);
          if (own === undefined) continue;
          poll.waiters.delete(waiter);
          waiter.tell(own);
        }
      } catch (error) {
        if (poll.ended.signal.aborted) continue; // somebody has joined, or nobody is left
        for (const waiter of poll.waiters) waiter.fail(error);
        poll.waiters.clear();
      }
    }
    this.#polls.delete(poll);
  }

  /** Which of up to 500 jobs have ended, now or within `waitMs`. */
  async ended(ids: readonly string[], waitMs: number = 0, signal?: AbortSignal): Promise<Ended> {
    const { jobs, missing } = await this.#requests.send<WaitedBody>("/v1/jobs/wait", {
      body: { ids, wait: waitMs },
      ...{ waitMs, ...(signal !== undefined && { signal }) },
    });
    return {
      jobs: new Map(jobs.map((wire) => [wire.id, toJob(wire)] satisfies [string, Job])),
      missing: new Set(missing),
    };
  }
}

function idsOf({ waiters }: Poll): Set<string> {
  return new Set([...waiters].flatMap(({ ids }) => [...ids]));
}

/** What of it a waiter waits for, if there is something. */
function ownOf({ ids }: Waiter, { jobs, missing }: Ended): Ended | undefined {
  const own = {
    jobs: new Map([...jobs].filter(([id]) => ids.has(id))),
    missing: new Set([...missing].filter((id) => ids.has(id))),
  };
  return own.jobs.size + own.missing.size > 0 ? own : undefined;
}
