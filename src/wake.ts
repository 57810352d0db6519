/**
 * Who wakes what waits: this process at once, other processes on the same file through their
 * commits, which are looked for only while someone waits; and a server, where it looks for work.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
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

/** `sure`: this process itself has committed something on the topic, or the store says so. */
export type Watcher = (sure: boolean) => void;

/** Whether news of these jobs concern a watcher. */
export type Concern = (jobs: ReadonlySet<string>) => boolean;

/** Which news a watcher is for. */
export interface Interest {
  readonly concerns?: Concern;
  /** Where it would take work from. */
  readonly queues?: readonly string[];
}

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
  readonly #watchers = new Map<Watcher, Interest & { readonly topic: Topic }>();
  readonly #listeners = new Set<Watcher>();
  /** Tells the store for which queues work is awaited. */
  readonly #await: ((queues: ReadonlySet<string>) => void) | undefined;
  #limited = false;

  /** A source that tells of no commits leaves this process, which is heard in any case. */
  constructor(clock: Clock, source: CommitSource & Pick<Broker, "onWork"> = {}) {
    this.#clock = clock;
    this.#await = source.onWork?.(() => this.#tell("work"));
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
    if (topic === "end" && this.#limited) this.signal("work");
    this.#signals[topic]++;
    this.#commits.alert();
    if (this.#watchers.size > 0) this.#tell(topic, jobs?.());
  }

  #tell(topic: Topic, concerned?: ReadonlySet<string>): void {
    for (const [watcher, of] of [...this.#watchers]) {
      if (of.topic !== topic) continue;
      if (concerned === undefined || of.concerns?.(concerned) !== false) watcher(true);
    }
  }

  /** Where a queue has a limit, the end of a job is news to those who wait for work as well. */
  heed({ limited = false }: { readonly limited?: boolean }): void {
    this.#limited ||= limited;
  }

  /**
   * Calls `watcher` once: when `topic` is signalled or another process commits, and at once if
   * that has happened since `ticket`. Returns what ends the watch.
   */
  watch(topic: Topic, ticket: Ticket, watcher: Watcher, interest: Interest = {}): () => void {
    const end = (): void => {
      if (!this.#watchers.delete(once)) return;
      if (this.#watchers.size === 0) this.#commits.stop();
      if (topic === "work") this.#await?.(this.#awaited());
    };
    const once = (sure: boolean): void => {
      end();
      watcher(sure);
    };
    this.#watchers.set(once, { topic, ...interest });
    if (ticket.signals[topic] !== this.#signals[topic]) {
      once(true);
    } else {
      this.#commits.start(ticket.version);
      if (topic === "work") this.#await?.(this.#awaited());
    }
    return end;
  }

  #awaited(): ReadonlySet<string> {
    return new Set([...this.#watchers.values()].flatMap(({ queues = [] }) => queues));
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
      endWatch = this.watch(topic, ticket, end, concerns && { concerns });
      if (signal?.aborted) end(); // before anyone listened
    });
  }
}
