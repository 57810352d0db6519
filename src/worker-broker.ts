/**
 * The part of the seam that is about workers.
 *
 * @module
 */
import type { WorkerInfo, WorkerProcess, WorkerState } from "./worker-info.ts";

/** What a worker says of itself with a heartbeat. */
export interface WorkerBeat {
  /** What tells it from all others. */
  readonly id: string;
  /** How others see it. */
  readonly name: string;
  /** Where it runs. */
  readonly process: WorkerProcess;
  /** How many jobs of each queue may run at once in it. */
  readonly queues: Readonly<Record<string, number>>;
  /** How many in all. */
  readonly concurrency: number;
  /** Whether it works, or is about to end. */
  readonly state: Exclude<WorkerState, "dead">;
  /** How long ago it was started. */
  readonly ageMs: number;
}

/** What a worker is asked to do. A stop goes before a drain, and the shorter grace holds. */
export interface WorkerCommand {
  /** To finish what it runs, or to end within the grace. */
  readonly kind: "drain" | "stop";
  /** How long running attempts may go on; `null` leaves it to the worker. */
  readonly graceMs: number | null;
  /** Why, in words. */
  readonly reason: string | null;
}

/** Workers in a store. Every call may be repeated without a second effect. */
export interface WorkerBroker {
  /** Workers by id, those after `after`. */
  list(after: string, limit: number): Promise<readonly WorkerInfo[]>;
  get(id: string): Promise<WorkerInfo | undefined>;
  /** Leaves a command for a worker; answers the worker, if there is one. */
  ask(id: string, command: WorkerCommand): Promise<WorkerInfo | undefined>;
  /** What a worker is asked to do. */
  asked(id: string): Promise<WorkerCommand | undefined>;
  remove(id: string): Promise<void>;
  /** Removes up to `limit` workers that have been dead for so long. */
  prune(deadMs: number, limit: number): Promise<void>;
}
