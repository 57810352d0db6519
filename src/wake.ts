/**
 * Who wakes what waits: this process at once, other processes on the same file through the
 * database's version, which is polled only while someone waits.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/**
 * `work`: a job may have become available. `end`: a job may have ended. `change`: anything may have
 * been written; signalled only while the change feed is watched.
 */
export type Topic = "work" | "end" | "change";

/** What had happened at a moment; whatever comes later wakes the watcher. */
export interface Ticket {
  readonly version: number;
  readonly signals: Readonly<Record<Topic, number>>;
}

/** `own`: this process itself has committed something on the topic. */
export type Watcher = (own: boolean) => void;

/** Whether news of these jobs concern a watcher. */
export type Concern = (jobs: ReadonlySet<string>) => boolean;

/** How long to wait for news, and for which. */
export interface NewsOptions {
  readonly mostMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly concerns?: Concern;
}

/**
 * How often an idle process looks whether another one has committed: more often while they do. A
 * look costs some 100 µs, most of it for the waking of the event loop.
 */
const POLL_MS = 16;
const BRISK_POLL_MS = 8;
/** It stays brisk for so long after the last news. */
const BRISK_FOR_MS = 1_000;

/** Signals of one Errand. */
export class Wake {
  readonly #clock: Clock;
  readonly #version: () => number;
  readonly #polls: boolean;
  readonly #signals: Record<Topic, number> = { work: 0, end: 0, change: 0 };
  readonly #watchers = new Map<Watcher, { readonly topic: Topic; readonly concerns?: Concern }>();
  readonly #listeners = new Set<Watcher>();
  #polled = 0;
  #newsMs = 0;
  #faults = 0;
  #cancelPoll: (() => void) | undefined;

  /** Without a `version` only this process is heard. */
  constructor(clock: Clock, version: (() => number) | undefined) {
    this.#clock = clock;
    this.#polls = version !== undefined;
    this.#version = version === undefined ? () => 0 : () => this.#ask(version);
  }

  /** A database that cannot say is looked at: that call meets the fault, and its caller hears. */
  #ask(version: () => number): number {
    try {
      return version();
    } catch {
      return --this.#faults;
    }
  }

  /** To be taken before looking at the database, so that nothing falls between look and watch. */
  ticket(): Ticket {
    return { version: this.#version(), signals: { ...this.#signals } };
  }

  /**
   * This process has committed something on `topic`; `jobs` tells of which jobs, where that spares
   * the watchers of others a look.
   */
  signal(topic: Topic, jobs?: () => ReadonlySet<string>): void {
    this.#signals[topic]++;
    if (this.#watchers.size === 0) return;
    const concerned = jobs?.();
    for (const [watcher, of] of [...this.#watchers]) {
      if (of.topic !== topic) continue;
      if (concerned === undefined || of.concerns?.(concerned) !== false) watcher(true);
    }
  }

  /**
   * Calls `watcher` once: when `topic` is signalled or another process commits, and at once if
   * that has happened since `ticket`. Returns what ends the watch.
   */
  watch(topic: Topic, ticket: Ticket, watcher: Watcher, concerns?: Concern): () => void {
    const end = (): void => {
      this.#watchers.delete(once);
      if (this.#watchers.size === 0) this.#stopPolling();
    };
    const once = (own: boolean): void => {
      end();
      watcher(own);
    };
    this.#watchers.set(once, { topic, ...(concerns !== undefined && { concerns }) });
    if (ticket.signals[topic] !== this.#signals[topic]) once(true);
    else if (this.#polls) this.#startPolling(ticket.version);
    return end;
  }

  /**
   * Calls `listener` at each nudge, and when those who watch hear of another process's commit: it
   * makes nobody poll. Returns what ends that.
   */
  listen(listener: Watcher): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** This process has changed what listeners look at. */
  nudge(): void {
    for (const listener of this.#listeners) listener(true);
  }

  /** Resolves at news on `topic` since `ticket`, after `mostMs`, or when the signal aborts. */
  news(topic: Topic, ticket: Ticket, options: NewsOptions): Promise<void> {
    const { mostMs, signal, concerns } = options;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        endWatch();
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#clock.timer(mostMs, end);
      signal?.addEventListener("abort", end);
      let endWatch = (): void => {};
      endWatch = this.watch(topic, ticket, end, concerns);
      if (signal?.aborted) end(); // before anyone listened
    });
  }

  #startPolling(version: number): void {
    if (this.#cancelPoll === undefined) {
      this.#polled = version;
      this.#poll();
    } else if (this.#polled !== version) {
      this.#polled = version - 1; // the tickets differ: the next poll wakes all
    }
  }

  #poll(): void {
    const brisk = this.#clock.elapsedMs() - this.#newsMs < BRISK_FOR_MS;
    this.#cancelPoll = this.#clock.timer(brisk ? BRISK_POLL_MS : POLL_MS, () => {
      const version = this.#version();
      const changed = version !== this.#polled;
      this.#polled = version;
      if (changed) this.#newsMs = this.#clock.elapsedMs();
      this.#poll();
      if (changed) {
        for (const watcher of [...this.#watchers.keys(), ...this.#listeners]) watcher(false);
      }
    });
  }

  #stopPolling(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
  }
}
