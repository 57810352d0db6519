/**
 * Who wakes what waits: this process at once, other processes on the same file through their
 * commits, which are looked for only while someone waits.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Commits, type CommitSource } from "./commits.ts";

/** `work`: a job may have become available. `end`: a job may have ended. */
export type Topic = "work" | "end";

/** What had happened at a moment; whatever comes later wakes the watcher. */
export interface Ticket {
  readonly version: number;
  readonly signals: Readonly<Record<Topic, number>>;
}

/** `own`: this process itself has committed something on the topic. */
export type Watcher = (own: boolean) => void;

/** Signals of one Errand. */
export class Wake {
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #signals: Record<Topic, number> = { work: 0, end: 0 };
  readonly #watchers = new Map<Watcher, { readonly topic: Topic; readonly job?: string }>();
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
    if (this.#watchers.size === 0) return;
    const concerned = jobs?.();
    for (const [watcher, of] of [...this.#watchers]) {
      const other = of.job !== undefined && concerned?.has(of.job) === false;
      if (of.topic === topic && !other) watcher(true);
    }
  }

  /**
   * Calls `watcher` once: when `topic` is signalled or another process commits, and at once if
   * that has happened since `ticket`. Returns what ends the watch.
   */
  watch(topic: Topic, ticket: Ticket, watcher: Watcher, job?: string): () => void {
    const end = (): void => {
      this.#watchers.delete(once);
      if (this.#watchers.size === 0) this.#commits.stop();
    };
    const once = (own: boolean): void => {
      end();
      watcher(own);
    };
    this.#watchers.set(once, { topic, ...(job !== undefined && { job }) });
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

  /** Resolves when `job` may have ended since `ticket`, or after `mostMs`. */
  jobEnd(job: string, ticket: Ticket, mostMs: number, signal?: AbortSignal): Promise<void> {
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
      endWatch = this.watch("end", ticket, end, job);
      if (signal?.aborted) end(); // before anyone listened
    });
  }
}
