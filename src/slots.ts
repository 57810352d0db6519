/**
 * How many jobs a worker may run and hold, in all and from each queue.
 *
 * @module
 */
import type { ClaimRequest } from "./broker.ts";
import { invalid, show } from "./errors.ts";
import { checkName } from "./task.ts";

/** Which queues a worker serves, and how many of their jobs run at once. */
export interface SlotOptions {
  /**
   * The queues: names, or names with the number of jobs of each that may run at once. Without it
   * the worker serves the queues of its Errand's tasks.
   */
  readonly queues?: Readonly<Record<string, number>> | readonly string[];
  /** Jobs that may run at once in all. @default 10, or the sum of the numbers in `queues` */
  readonly concurrency?: number;
  /**
   * Jobs that may be claimed beyond those that run, so that the next ones are at hand. It is a
   * cap: the worker claims ahead only what it would begin within 100 ms, judged by how long its
   * attempts took so far, and gives back what could not begin within a second.
   * @default 100, or 200 over a server
   */
  readonly prefetch?: number;
}

const CONCURRENCY_MAX = 10_000;
const DEFAULT_CONCURRENCY = 10;
const DEFAULT_PREFETCH = 100;
/** What hides 30 ms of distance from a hundred handlers of 50 ms. */
const DISTANT_PREFETCH = 200;
/** What is claimed ahead shall begin within this time. */
const HORIZON_MS = 100;
/** How much the newest attempt moves the mean. */
const MEAN_WEIGHT = 0.1;

/** Counts the jobs that run and those that are held for later. */
export class Slots {
  readonly #concurrency: number;
  readonly #prefetchMax: number;
  readonly #limits: ReadonlyMap<string, number> | undefined;
  readonly #defaultQueues: () => readonly string[];
  readonly #held = new Map<string, number>();
  readonly #running = new Map<string, number>();
  #heldInAll = 0;
  #runningInAll = 0;
  readonly #means = new Map<string, number>();

  /**
   * `defaultQueues` is asked again at each claim: a task added later is served at once. `distant`:
   * a claim takes its time.
   */
  constructor(
    options: SlotOptions,
    defaultQueues: () => readonly string[],
    distant: boolean = false,
  ) {
    const { queues, concurrency, prefetch } = options;
    const limits = queues === undefined ? undefined : limitsOf(queues, concurrency);
    this.#limits = limits;
    this.#defaultQueues = defaultQueues;
    this.#concurrency = concurrency === undefined
      ? defaultConcurrency(queues, limits)
      : atLeastOne(concurrency, "concurrency");
    this.#prefetchMax = wholeNumber(
      prefetch ?? (distant ? DISTANT_PREFETCH : DEFAULT_PREFETCH),
      "prefetch",
    );
  }

  /** The queues that are served now. */
  queues(): readonly string[] {
    return this.#limits === undefined ? this.#defaultQueues() : [...this.#limits.keys()];
  }

  /** How many jobs may run at once, in all and from each queue. */
  limits(): { readonly concurrency: number; readonly queues: Readonly<Record<string, number>> } {
    const most = (queue: string): number => Math.min(this.#limit(queue), this.#concurrency);
    const queues = Object.fromEntries(this.queues().map((queue) => [queue, most(queue)]));
    return { concurrency: this.#concurrency, queues };
  }

  /** How many jobs to claim now, in all at most `cap`; `undefined` when there is no room. */
  wanted(cap: number): Pick<ClaimRequest, "limit" | "queues"> | undefined {
    const room = this.#concurrency - this.#heldInAll;
    const queues = this.queues().map((queue) => {
      const ahead = this.#ahead(queue);
      const own = this.#limit(queue) + ahead - (this.#held.get(queue) ?? 0);
      return { queue, limit: Math.min(own, room + ahead, cap) };
    }).filter((of) => of.limit > 0);
    if (queues.length === 0) return undefined;
    const most = Math.max(...queues.map(({ queue }) => this.#ahead(queue)));
    const asked = queues.reduce((sum, of) => sum + of.limit, 0);
    return { limit: Math.min(asked, room + most, cap), queues };
  }

  /** A job was claimed. */
  hold(queue: string): void {
    this.#heldInAll++;
    add(this.#held, queue, 1);
  }

  /** A held job was given up or has ended. */
  letGo(queue: string): void {
    this.#heldInAll--;
    add(this.#held, queue, -1);
  }

  /** Whether no slot is free for a job of any queue. */
  get full(): boolean {
    return this.#runningInAll >= this.#concurrency;
  }

  /** Takes a slot for a held job of `queue`, if one is free. */
  take(queue: string): boolean {
    const running = this.#running.get(queue) ?? 0;
    if (this.full || running >= this.#limit(queue)) return false;
    this.#runningInAll++;
    this.#running.set(queue, running + 1);
    return true;
  }

  /** Frees the slot of a job of `queue` whose attempt took `tookMs`. */
  free(queue: string, tookMs: number): void {
    this.#runningInAll--;
    add(this.#running, queue, -1);
    const meanMs = this.#means.get(queue) ?? tookMs;
    this.#means.set(queue, meanMs + MEAN_WEIGHT * (tookMs - meanMs));
  }

  /** What was claimed ahead from `queue` did not begin in time: none is, until one has ended. */
  stall(queue: string): void {
    this.#means.delete(queue);
  }

  /** Jobs that run. */
  get running(): number {
    return this.#runningInAll;
  }

  /** Jobs that run or are held for later. */
  get held(): number {
    return this.#heldInAll;
  }

  #limit(queue: string): number {
    return this.#limits?.get(queue) ?? this.#concurrency;
  }

  /** As many of the queue's jobs as its slots will begin within the horizon. */
  #ahead(queue: string): number {
    const meanMs = this.#means.get(queue);
    if (meanMs === undefined) return 0;
    const slots = Math.min(this.#limit(queue), this.#concurrency);
    return Math.min(this.#prefetchMax, Math.floor(slots * HORIZON_MS / Math.max(meanMs, 0.001)));
  }
}

function add(counts: Map<string, number>, queue: string, n: number): void {
  counts.set(queue, (counts.get(queue) ?? 0) + n);
}

function limitsOf(
  queues: NonNullable<SlotOptions["queues"]>,
  concurrency: number | undefined,
): ReadonlyMap<string, number> {
  const entries: (readonly [string, number])[] = Array.isArray(queues)
    ? queues.map((name: string) => [name, concurrency ?? DEFAULT_CONCURRENCY] as const)
    : Object.entries(queues as Readonly<Record<string, number>>);
  if (entries.length === 0) throw invalid("Cannot make a worker: its list of queues is empty");
  return new Map(
    entries.map(([name, limit]) => [
      checkName(name, "the name of a queue"),
      atLeastOne(limit, `concurrency of queue "${name}"`),
    ]),
  );
}

function defaultConcurrency(
  queues: SlotOptions["queues"],
  limits: ReadonlyMap<string, number> | undefined,
): number {
  if (limits === undefined || Array.isArray(queues)) return DEFAULT_CONCURRENCY;
  return Math.min(CONCURRENCY_MAX, [...limits.values()].reduce((sum, n) => sum + n, 0));
}

function atLeastOne(value: number, what: string): number {
  if (value === 0) throw invalid(`Cannot use 0 as ${what}: no job would ever run`);
  return wholeNumber(value, what);
}

function wholeNumber(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= CONCURRENCY_MAX) return value;
  throw invalid(
    `Cannot use ${show(value)} as ${what}: it is a whole number up to ${CONCURRENCY_MAX}`,
  );
}
