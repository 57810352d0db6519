/**
 * The options of a worker, and what they come to once checked.
 *
 * @module
 */
import { type Duration, durationMs } from "./duration.ts";
import { invalid } from "./errors.ts";
import { newId } from "./id.ts";
import type { SlotOptions } from "./slots.ts";
import { checkName } from "./task.ts";

/** How a worker works. */
export interface WorkerOptions extends SlotOptions {
  /** How others see it in events and leases. @default a new id */
  readonly name?: string;
  /**
   * How long a claim lasts without a heartbeat, of which three are sent in it: 100 ms at least.
   * After it, any worker may rescue the jobs. @default "30s"
   */
  readonly lease?: Duration;
  /** The longest that an idle worker waits before it looks again, come what may. @default "5s" */
  readonly pollInterval?: Duration;
}

/** How to stop. */
export interface StopOptions {
  /** How long running attempts may go on; then their signals abort. @default "10s" */
  readonly grace?: Duration;
}

const LEASE_MIN_MS = 100;
const POLL_MIN_MS = 10;

/** {@linkcode WorkerOptions}, checked, without those of its slots. */
export interface WorkerSettings {
  readonly name: string;
  readonly leaseMs: number;
  readonly pollMs: number;
}

/** Checks what a worker is told, apart from its slots. */
export function checkedWorkerOptions(options: WorkerOptions): WorkerSettings {
  const { name, lease = "30s", pollInterval = "5s" } = options;
  return {
    name: name === undefined ? newId() : checkName(name, "the name of a worker"),
    leaseMs: atLeast(LEASE_MIN_MS, durationMs(lease, "lease"), "lease"),
    pollMs: atLeast(POLL_MIN_MS, durationMs(pollInterval, "pollInterval"), "pollInterval"),
  };
}

function atLeast(leastMs: number, ms: number, what: string): number {
  if (ms >= leastMs) return ms;
  throw invalid(`Cannot use ${ms} ms as ${what}: it is ${leastMs} ms at least`);
}
