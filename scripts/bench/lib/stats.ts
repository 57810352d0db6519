/** The middle of a list of numbers. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value that `percent` of the list do not exceed, interpolated between neighbours. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * percent / 100;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) {
    throw new Error("Cannot rank an empty list");
  }
  return low + (high - low) * (at - Math.floor(at));
}
