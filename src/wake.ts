/**
 * Who wakes what waits: this process at once, other processes on the same file through their
 * commits, which are looked for only while someone waits.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Commits, type CommitSource } from "./commits.ts";

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

/** Signals of one Errand. */
export class Wake {
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #signals: Record<Topic, number> = { work: 0, end: 0, change: 0 };
  readonly #watchers = new Map<Watcher, { readonly topic: Topic; readonly concerns?: Concern }>();
  readonly #listeners = new Set<Watcher>();

  /** A source that tells of no commits leaves this process, which is heard in any case. */
  constructor(clock: Clock, source: CommitSource = {}) {
    this.#clock = clock;
    this.#commits = new Commits(clock, source, () => {
      for (const watcher of [...this.#watchers.keys(), ...this.#listeners]) watcher(false);
    });
  }

  /** To be taken before looking at the database, so that nothing falls between look and watch. */
  ticket(): Ticket {
    return { version: this.#commits.version(), signals: { ...this.#signals } };
  }

  /**
   * This process has committed something on `topic`; `jobs` tells of which jobs, where that spares
   * the watchers of others a look.
   */
  signal(topic: Topic, jobs?: () => ReadonlySet<string>): void {
    this.#signals[topic]++;
    this.#commits.alert();
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
      if (this.#watchers.size === 0) this.#commits.stop();
    };
    const once = (own: boolean): void => {
      end();
      watcher(own);
    };
    this.#watchers.set(once, { topic, ...(concerns !== undefined && { concerns }) });
    if (ticket.signals[topic] !== this.#signals[topic]) once(true);
    else this.#commits.start(ticket.version);
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
}
