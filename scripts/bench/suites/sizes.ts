import type { Sizes } from "../harness/types.ts";

/** The run whose figures count. */
export const full: Sizes = {
  jobs: 50_000,
  warmup: 50_000,
  repeats: 3,
  perCall: 1_000,
  samples: 500,
  history: 1_000_000,
  delayed: 100_000,
  heapJobs: 1_000_000,
  heapStep: 100_000,
  idleSeconds: 10,
};

/** A smoke test: every subject runs, its figures mean little. */
export const quick: Sizes = {
  jobs: 5_000,
  warmup: 1_000,
  repeats: 1,
  perCall: 1_000,
  samples: 50,
  history: 20_000,
  delayed: 2_000,
  heapJobs: 40_000,
  heapStep: 4_000,
  idleSeconds: 2,
};
