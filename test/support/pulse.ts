/** Beats every few milliseconds, and knows how long the event loop has kept it waiting. */
export interface Pulse extends Disposable {
  /** How often it has beaten. */
  readonly beats: number;
  /** The longest time between two beats. */
  readonly longestGapMs: number;
}

/** Starts a pulse. */
export function startPulse(): Pulse {
  let beats = 0;
  let longestGapMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
    lastMs = nowMs;
    beats++;
  }, 5);
  return {
    get beats() {
      return beats;
    },
    get longestGapMs() {
      return Math.max(longestGapMs, performance.now() - lastMs);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
