/**
 * A libSQL server. Every batch may be sent again: when no answer comes, nobody can know whether it
 * was committed, so the store's statements are such that a second time changes nothing.
 *
 * @module
 */
import type { Usage } from "../../broker.ts";
import { sleep, systemClock } from "../../clock.ts";
import { fromClient, type LibsqlClient, toClient } from "./client.ts";
import type { Driver, Result, Results, Statement, WriteOptions } from "./driver.ts";
import { closedError, databaseError, remoteFate, requestTimeoutError } from "./faults.ts";
import { busyError } from "./patience.ts";

/** How to use a server. */
export interface RemoteOptions {
  readonly client: LibsqlClient;
  /** How long a write waits for other writers. */
  readonly busyTimeoutMs: number;
  /** How long one request may take. */
  readonly requestTimeoutMs: number;
  /** Whether closing the driver closes the client. */
  readonly owned: boolean;
  /** What the server has counted, where that is heard. */
  readonly usage?: () => Usage;
}

/** A call goes on trying for so many times the time of one request. */
const PATIENCE_REQUESTS = 3;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Serves the store from a server: one write batch in flight, each one round trip. */
export class RemoteDriver implements Driver {
  readonly sameClock = false;
  readonly silent = true;
  readonly usage?: () => Usage;
  readonly #options: RemoteOptions;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** The client stays open until the driver is closed. */
  constructor(options: RemoteOptions) {
    this.#options = options;
    if (options.usage !== undefined) this.usage = options.usage;
  }

  write(statements: readonly Statement[], { once = false }: WriteOptions = {}): Promise<Results> {
    const send = () => this.#request(statements, "write");
    const result = this.#last.then(() => this.#persist(send, once ? "once" : "write"));
    this.#last = result.catch(() => {});
    return result;
  }

  read(statements: readonly Statement[]): Promise<Results> {
    return this.#persist(() => this.#request(statements, "deferred"), "read");
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    if (this.#options.owned) this.#options.client.close();
  }

  /** Sends a batch until it is answered or refused, or until time is up. */
  async #persist(send: () => Promise<Result[]>, kind: "read" | "write" | "once"): Promise<Results> {
    const { requestTimeoutMs, busyTimeoutMs } = this.#options;
    const startMs = systemClock.elapsedMs();
    let repeated = false;
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const results = await send();
        return repeated ? Object.assign(results, { repeated }) : results;
      } catch (error) {
        const fate = this.#fate(error);
        const elapsedMs = systemClock.elapsedMs() - startMs;
        if (fate === "busy" && elapsedMs >= busyTimeoutMs) throw busyError(busyTimeoutMs, error);
        const late = elapsedMs >= PATIENCE_REQUESTS * requestTimeoutMs;
        const unsure = fate === "unknown" && kind === "once";
        if (fate === "refused" || late || unsure) throw databaseError(error, "use the database");
        repeated ||= fate === "unknown" && kind === "write";
      }
      await sleep(systemClock, pauseMs * (0.5 + systemClock.random()));
    }
  }

  #fate(error: unknown): ReturnType<typeof remoteFate> {
    if (this.#closed || this.#options.client.closed) throw closedError(error);
    return remoteFate(error);
  }

  /** A server that hangs must not hang its callers: not every client gives up by itself. */
  async #request(statements: readonly Statement[], mode: "write" | "deferred"): Promise<Result[]> {
    if (this.#closed) throw closedError();
    const { client, requestTimeoutMs } = this.#options;
    let cancel: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = systemClock.timer(
        requestTimeoutMs,
        () => reject(requestTimeoutError(requestTimeoutMs)),
      );
    });
    const answer = client.batch(statements.map(toClient), mode);
    answer.catch(() => {}); // when nobody waits for it any more
    try {
      return (await Promise.race([answer, late])).map(fromClient);
    } finally {
      cancel?.();
    }
  }
}
