/**
 * What a worker is told and given: its options, checked, and its surroundings.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { type Duration, durationMs } from "./duration.ts";
import { invalid } from "./errors.ts";
import type { Events } from "./events.ts";
import { newId } from "./id.ts";
import { checkMembers } from "./members.ts";
import type { NextRuns } from "./recurrence.ts";
import type { SlotOptions } from "./slots.ts";
import { checkName } from "./task.ts";
import type { Tasks } from "./tasks.ts";
import type { Wake } from "./wake.ts";

/** How a worker works. */
export interface WorkerOptions extends SlotOptions {
  /** How others see it in events and lists. @default its id */
  readonly name?: string;
  /**
   * How long a claim lasts without a heartbeat, of which three are sent in it: 100 ms at least.
   * After it, any worker may rescue the jobs. @default "30s"
   */
  readonly lease?: Duration;
  /**
   * The longest that an idle worker waits before it looks again, come what may. Over a server,
   * where nobody tells of other processes' jobs, it begins with 250 ms. @default "5s", or "1m" over
   * the HTTP API, which tells of them
   */
  readonly pollInterval?: Duration;
  /** How long attempts may go on when the worker is stopped. @default "10s" */
  readonly grace?: Duration;
}

/** How to stop. */
export interface StopOptions {
  /** How long running attempts may go on; then their signals abort. @default the worker's */
  readonly grace?: Duration;
}

/** What a worker works with and for. */
export interface WorkerHost {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  readonly wake: Wake;
  readonly tasks: Tasks;
  readonly nextRuns: NextRuns;
  readonly payloadLimitBytes: number;
  readonly retentionMs: number | null;
  /** The worker has stopped. */
  stopped(): void;
}

const LEASE_MIN_MS = 100;
const POLL_MIN_MS = 10;
const POLL = "5s";
/** Where the store tells of work, an idle worker looks only should that have failed. */
const POLL_WHEN_TOLD = "1m";

/** {@linkcode WorkerOptions}, checked, without those of its slots. */
export interface WorkerSettings {
  readonly id: string;
  readonly name: string;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly graceMs: number;
}

const OPTIONS: readonly string[] = Object.keys(
  {
    ...{ queues: 1, concurrency: 1, prefetch: 1 },
    ...{ name: 1, lease: 1, pollInterval: 1, grace: 1 },
  } satisfies Record<keyof WorkerOptions, 1>,
);

/** Checks what a worker is told, apart from its slots. */
export function checkedWorkerOptions(
  options: WorkerOptions,
  { onWork }: Pick<Broker, "onWork"> = {},
): WorkerSettings {
  checkMembers(options, OPTIONS, "the options of a worker");
  const pollUnsaid = onWork === undefined ? POLL : POLL_WHEN_TOLD;
  const { name, lease = "30s", pollInterval = pollUnsaid, grace = "10s" } = options;
  const id = newId();
  return {
    id,
    name: name === undefined ? id : checkName(name, "the name of a worker"),
    leaseMs: atLeast(LEASE_MIN_MS, durationMs(lease, "lease"), "lease"),
    pollMs: atLeast(POLL_MIN_MS, durationMs(pollInterval, "pollInterval"), "pollInterval"),
    graceMs: durationMs(grace, "grace"),
  };
}

function atLeast(leastMs: number, ms: number, what: string): number {
  if (ms >= leastMs) return ms;
  throw invalid(`Cannot use ${ms} ms as ${what}: it is ${leastMs} ms at least`);
}
