/**
 * Waiting for jobs to end: those who wait look together, when there is news.
 *
 * @module
 */
import type { Broker, Ended } from "./broker.ts";
import type { WaitOptions } from "./calls.ts";
import { type Clock, sleep } from "./clock.ts";
import { Collector } from "./collector.ts";
import { durationMs } from "./duration.ts";
import { invalid } from "./errors.ts";
import { checkId, idOf, notFound } from "./job-checks.ts";
import type { Job } from "./job.ts";
import { Pace } from "./pace.ts";
import type { Wake } from "./wake.ts";

/** What waiting works with. */
export interface WaitingHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly wake: Wake;
}

/** A waiter looks again so often, should every signal have failed. */
const LOOK_MS = 2_000;
/** A store that waits is asked again after so long. */
const WAIT_MS = 60_000;
/** One read asks for so many jobs; others may write and read in between. */
const PAGE = 500;
const JOBS_MAX = 10_000;

/** Waits on behalf of one Errand. */
export class Waiting {
  readonly #host: WaitingHost;
  readonly #looks: Collector<string, Ended>;

  /** Looks only while someone waits. */
  constructor(host: WaitingHost) {
    this.#host = host;
    this.#looks = new Collector((ids) => endedOf(host.broker, [...new Set(ids)]));
  }

  /** The jobs, in this order, once all have ended, or as they are after the timeout. */
  async forAll(given: readonly (Job | string)[], options: WaitOptions): Promise<Job[]> {
    const ids = checkedIds(given);
    const { timeout, signal } = options;
    const { broker, clock, wake } = this.#host;
    const timeoutMs = timeout === undefined ? Infinity : durationMs(timeout, "timeout");
    const untilMs = clock.elapsedMs() + timeoutMs;
    const pending = new Set(ids);
    const found = new Map<string, Job>();
    const pace = new Pace(clock, LOOK_MS, broker.silent);
    const concerns = (jobs: ReadonlySet<string>): boolean => meet(jobs, pending);
    while (pending.size > 0) {
      signal?.throwIfAborted();
      const ticket = wake.ticket(); // first, so that an end after the look is not missed
      const startMs = clock.elapsedMs();
      const { jobs, missing } = await this.#look(pending, untilMs - startMs, signal);
      for (const id of pending) {
        if (missing.has(id)) throw notFound("wait for", id);
        const job = jobs.get(id);
        if (job === undefined) continue;
        found.set(id, job);
        pending.delete(id);
        pace.quicken();
      }
      if (pending.size === 0) break;
      const leftMs = untilMs - clock.elapsedMs();
      if (leftMs <= 0) {
        await this.#asTheyAre(pending, found);
        break;
      }
      if (broker.ending !== undefined) continue; // it has waited
      const tookMs = clock.elapsedMs() - startMs;
      const mostMs = Math.min(leftMs, pace.pauseMs());
      await wake.news("end", ticket, { mostMs, signal, concerns });
      // a look for many while others commit all the time shall not take all the time there is
      if (pending.size > PAGE) await sleep(clock, tookMs, signal);
    }
    return ids.map((id) => found.get(id)!);
  }

  /**
   * Those of `ids` that have ended and those that there are none of, once there is one of either,
   * or after the timeout.
   */
  async forAny(ids: readonly string[], { timeout, signal }: WaitOptions): Promise<Ended> {
    const asked = new Set(checkedIds(ids));
    const { broker, clock, wake } = this.#host;
    const timeoutMs = timeout === undefined ? Infinity : durationMs(timeout, "timeout");
    const untilMs = clock.elapsedMs() + timeoutMs;
    const pace = new Pace(clock, LOOK_MS, broker.silent);
    const concerns = (jobs: ReadonlySet<string>): boolean => meet(jobs, asked);
    for (;;) {
      signal?.throwIfAborted();
      const ticket = wake.ticket();
      const looked = await this.#look(asked, untilMs - clock.elapsedMs(), signal);
      const jobs = new Map([...looked.jobs].filter(([id]) => asked.has(id)));
      const missing = new Set([...looked.missing].filter((id) => asked.has(id)));
      const leftMs = untilMs - clock.elapsedMs();
      if (jobs.size + missing.size > 0 || leftMs <= 0) return { jobs, missing };
      if (broker.ending !== undefined) continue; // it has waited
      await wake.news("end", ticket, {
        mostMs: Math.min(leftMs, pace.pauseMs()),
        signal,
        concerns,
      });
    }
  }

  /** Which have ended: now or, where the store waits for that, within some time. */
  async #look(
    pending: ReadonlySet<string>,
    leftMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Ended> {
    const { broker, clock } = this.#host;
    if (broker.ending === undefined || leftMs <= 0) return await this.#looks.add([...pending]);
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const cancel = clock.timer(Math.min(leftMs, WAIT_MS), end);
    signal?.addEventListener("abort", end);
    try {
      return await broker.ending([...pending].slice(0, PAGE), ended.signal);
    } finally {
      cancel();
      signal?.removeEventListener("abort", end);
    }
  }

  async #asTheyAre(pending: ReadonlySet<string>, found: Map<string, Job>): Promise<void> {
    for (const ids of pages([...pending])) {
      for (const job of await this.#host.broker.getMany(ids)) found.set(job.id, job);
    }
    for (const id of pending) {
      if (!found.has(id)) throw notFound("wait for", id);
    }
  }
}

function checkedIds(given: readonly (Job | string)[]): string[] {
  if (given.length > JOBS_MAX) {
    throw invalid(`Cannot wait for ${given.length} jobs: at most ${JOBS_MAX} at once`);
  }
  return given.map((one) => checkId("wait for", idOf(one)));
}

async function endedOf(broker: Broker, ids: readonly string[]): Promise<Ended> {
  if (ids.length <= PAGE) return await broker.ended(ids);
  const jobs = new Map<string, Job>();
  const missing = new Set<string>();
  for (const page of pages(ids)) {
    const ended = await broker.ended(page);
    for (const [id, job] of ended.jobs) jobs.set(id, job);
    for (const id of ended.missing) missing.add(id);
  }
  return { jobs, missing };
}

function* pages(ids: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < ids.length; from += PAGE) yield ids.slice(from, from + PAGE);
}

/** Whether two sets have a member in common. */
function meet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const one of few) if (many.has(one)) return true;
  return false;
}
