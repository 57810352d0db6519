/**
 * How long attempts took, counted from the moment an API is made.
 *
 * @module
 */
import type { ErrandVerbs } from "../verbs.ts";

/** Durations of the attempts of one task that ended in one way. */
export interface Histogram {
  readonly task: string;
  readonly outcome: "completed" | "retried" | "failed";
  /** How many fell under each of {@linkcode BOUNDS_SECONDS}, and over the one before. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** The upper bounds of the buckets; longer ones are in none. */
export const BOUNDS_SECONDS: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
];

/** Attempts of further tasks are counted together, as names may come from anywhere. */
const TASKS_MAX = 500;
const OTHERS = "(others)";

const made = new WeakMap<ErrandVerbs, Durations>();

/** The durations of `errand`: one count, however many APIs it has. */
export function durationsOf(errand: ErrandVerbs): Durations {
  let durations = made.get(errand);
  if (durations === undefined) made.set(errand, durations = new Durations(errand));
  return durations;
}

/** Counts the attempts that end in this process. */
export class Durations {
  readonly #histograms = new Map<string, Counting>();
  readonly #tasks = new Set<string>();

  /** Counts from now on. */
  constructor(errand: ErrandVerbs) {
    errand.on("completed", ({ task, durationMs }) => this.#add(task, "completed", durationMs));
    errand.on(
      "failed",
      ({ task, willRetry, durationMs }) =>
        this.#add(task, willRetry ? "retried" : "failed", durationMs),
    );
  }

  /** Those of each task and outcome. */
  all(): readonly Histogram[] {
    return [...this.#histograms.values()];
  }

  #add(name: string, outcome: Histogram["outcome"], durationMs: number): void {
    const task = this.#tasks.has(name) || this.#tasks.size < TASKS_MAX ? name : OTHERS;
    this.#tasks.add(task);
    const key = `${outcome} ${task}`;
    let histogram = this.#histograms.get(key);
    if (histogram === undefined) this.#histograms.set(key, histogram = counting(task, outcome));
    const seconds = durationMs / 1_000;
    const bucket = BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) histogram.counts[bucket]!++;
    histogram.count++;
    histogram.sumSeconds += seconds;
  }
}

interface Counting extends Histogram {
  readonly counts: number[];
  count: number;
  sumSeconds: number;
}

function counting(task: string, outcome: Histogram["outcome"]): Counting {
  return { task, outcome, counts: BOUNDS_SECONDS.map(() => 0), count: 0, sumSeconds: 0 };
}
