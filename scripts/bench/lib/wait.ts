/** Resolves after so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A gap between two samples of latency: 5 to 40 ms, so that no poll can fall in step with it. */
export function randomGap(): Promise<void> {
  return sleep(5 + Math.random() * 35);
}

/** The wall clock with fractions of a millisecond, the same in every process of the machine. */
export function wallClock(): number {
  return performance.timeOrigin + performance.now();
}
