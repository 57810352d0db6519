/**
 * Waiting for jobs inside a claim, where the store can do that: an idle worker has them with one
 * answer, instead of hearing of them first.
 *
 * @module
 */
import type { Broker, ExchangeAnswer, ExchangeRequest } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { Wake } from "./wake.ts";

/** What waits for whom. */
export interface PatienceHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly wake: Wake;
  /** The queues to claim from, now. */
  queues(): readonly string[];
}

/** An empty answer that comes so soon is one of a store that does not wait. */
const EARLY_MS = 1_000;
/** It is asked to wait again so much later. */
const AGAIN_MS = 60_000;

/** The claims of one worker that wait, one at a time. */
export class Patience {
  readonly #host: PatienceHost;
  #waiting: AbortController | undefined;
  #notBeforeMs = -Infinity;

  /** Nothing waits yet. */
  constructor(host: PatienceHost) {
    this.#host = host;
  }

  /** Whether the store waits, as far as is known. */
  get can(): boolean {
    const { broker, clock } = this.#host;
    return broker.patient === true && clock.elapsedMs() >= this.#notBeforeMs;
  }

  /** The answer to a claim, once there is a job, or until {@linkcode end}. */
  async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const { broker, clock } = this.#host;
    const waiting = this.#waiting = new AbortController();
    const endWatch = this.#watchQueues(waiting);
    const beganMs = clock.elapsedMs();
    try {
      const answer = await broker.exchange(request, waiting.signal);
      const early = clock.elapsedMs() - beganMs < EARLY_MS && !waiting.signal.aborted;
      if (early && answer.jobs.length === 0) this.#notBeforeMs = clock.elapsedMs() + AGAIN_MS;
      return answer;
    } finally {
      endWatch();
      this.#waiting = undefined;
    }
  }

  /** What waits is answered now. */
  end(): void {
    this.#waiting?.abort();
  }

  /** The store hears of jobs by itself, but not of a task that is registered here meanwhile. */
  #watchQueues(waiting: AbortController): () => void {
    const { wake, queues } = this.#host;
    const asked = queues().join();
    let end = (): void => {};
    const watch = (): void => {
      end = wake.watch("work", wake.ticket(), () => {
        if (queues().join() === asked) watch();
        else waiting.abort();
      });
    };
    watch();
    return () => end();
  }
}
