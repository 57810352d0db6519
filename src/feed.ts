/**
 * Watching jobs: those who watch keep the feed of changes on, and read it when there is news.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { JobChange, Watch, WatchFilter, WatchOptions } from "./change.ts";
import type { Clock } from "./clock.ts";
import { ErrandError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { ChangePage, ChangeQuery, StoredChange } from "./feed-broker.ts";
import { Pace } from "./pace.ts";
import type { Tasks } from "./tasks.ts";
import type { Wake } from "./wake.ts";
import { checkCursor, watchQuery } from "./watch-query.ts";

/** What watching works with. */
export interface FeedHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly wake: Wake;
}

/** One read looks at so many changes. */
const PAGE = 200;
/** A watcher looks so often, should every signal have failed. */
const LOOK_MS = 5_000;
/** Well within the time for which the store keeps the feed on. */
const KEEP_EVERY_MS = 2 * 60_000;

/** The watches of one Errand. */
export class Feed {
  readonly #host: FeedHost;
  #watches = 0;
  #endKeeping: (() => void) | undefined;

  /** Does nothing while nobody watches. */
  constructor(host: FeedHost) {
    this.#host = host;
  }

  /** Begins at once; sets timers only while it is iterated. Throws `INVALID_INPUT`. */
  watch(filter: WatchFilter, options: WatchOptions): Watch {
    const query = watchQuery(filter, this.#host.tasks);
    const given = checkCursor(options);
    const place: Place = { cursor: given };
    const begun = this.#host.broker.feed.keep().then((end) => void (place.cursor ??= end));
    begun.catch(() => {}); // the iteration throws it
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const changes = this.#changes({ query, place, begun, ended, ...options });
    return {
      begun,
      get cursor() {
        return place.cursor;
      },
      next: () => changes.next(),
      return: () => {
        end(); // a read that waits for news must not wait on
        return changes.return(undefined);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Sets no more timers, even for a watch that nobody goes on iterating. */
  close(): void {
    this.#endKeeping?.();
    this.#endKeeping = undefined;
  }

  async *#changes(watching: Watching): AsyncGenerator<JobChange, undefined> {
    const { query, place, begun, ended, signal } = watching;
    const { broker, clock, wake } = this.#host;
    const pace = new Pace(clock, LOOK_MS, broker.silent);
    const end = (): void => ended.abort();
    if (signal?.aborted) return;
    signal?.addEventListener("abort", end);
    this.#enter();
    try {
      await begun;
      while (!ended.signal.aborted) {
        const ticket = wake.ticket(); // first, so that a commit after the look is not missed
        const page = await this.#read(place.cursor!, query, ended.signal);
        if (page === undefined) return;
        for (const change of page.changes) {
          if (ended.signal.aborted) return;
          place.cursor = change.cursor;
          yield changeOf(change, page);
        }
        if (page.cursor !== place.cursor || page.changes.length > 0) pace.quicken();
        place.cursor = page.cursor;
        if (page.more || this.#host.broker.feed.waits) continue;
        await wake.news("change", ticket, { mostMs: pace.pauseMs(), signal: ended.signal });
      }
    } finally {
      signal?.removeEventListener("abort", end);
      this.#leave();
    }
  }

  /** Nothing once the signal has aborted. */
  async #read(
    after: string,
    query: ChangeQuery,
    signal: AbortSignal,
  ): Promise<ChangePage | undefined> {
    const request = { after, query, limit: PAGE, signal };
    const page = await this.#host.broker.feed.changes(request).catch((error) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    if (!page?.lost) return page;
    throw new ErrandError(
      "NOT_FOUND",
      `Cannot watch jobs from cursor "${after}": what followed it is no longer kept; watch ` +
        `without a cursor, and list the jobs`,
    );
  }

  #enter(): void {
    if (this.#watches++ > 0) return;
    const { broker, wake } = this.#host;
    const endListening = broker.feed.onWrite?.(() => wake.signal("change"));
    const endKeeping = this.#keep();
    this.#endKeeping = () => {
      endListening?.();
      endKeeping();
    };
  }

  #leave(): void {
    if (--this.#watches === 0) this.close();
  }

  /** Also prunes the feed, as there may be no worker whose janitor does. */
  #keep(): () => void {
    const { broker, clock, events } = this.#host;
    const again = (): () => void =>
      clock.timer(KEEP_EVERY_MS, () => {
        cancel = again();
        broker.feed.keep().then(() => broker.feed.tidy())
          .catch((error) => events.emit("error", { error, during: "watch" }));
      });
    let cancel = again();
    return () => cancel();
  }
}

interface Place {
  cursor: string | undefined;
}

interface Watching {
  readonly query: ChangeQuery;
  readonly place: Place;
  readonly begun: Promise<void>;
  readonly ended: AbortController;
  readonly signal?: AbortSignal;
}

/** A change, with its job as it stands. */
export function changeOf(
  change: StoredChange,
  { jobs }: Pick<ChangePage, "jobs">,
): JobChange {
  const { cursor, event, id, task, queue, state, atMs } = change;
  const job = jobs.get(id);
  return {
    ...{ cursor, event, id, task, queue, state },
    at: new Date(atMs),
    ...(event === "failed" && { willRetry: state !== "failed" }),
    ...(job !== undefined && { job }),
  };
}
