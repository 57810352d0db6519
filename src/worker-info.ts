/**
 * Workers as others see them.
 *
 * @module
 */

/**
 * What a worker does. `draining`: it finishes what runs and takes nothing new. `stopping`: so it
 * does, within its grace. `dead`: it was not heard of for the length of its lease.
 */
export type WorkerState = "running" | "draining" | "stopping" | "dead";

/** Where a worker runs, as far as its runtime tells. */
export interface WorkerProcess {
  /** `"Node.js/24"`, `"Deno/2.9.5"`, `"Bun/1.4.5"`, `"Cloudflare-Workers"`. */
  readonly runtime?: string;
  /** The name of its machine. */
  readonly host?: string;
  /** The id of its process. */
  readonly pid?: number;
}

/** A worker, wherever it runs. */
export interface WorkerInfo extends WorkerProcess {
  /** Its id, new at each start. */
  readonly id: string;
  /** What it was called, or its id. */
  readonly name: string;
  /** What it does now, by the database's clock. */
  readonly state: WorkerState;
  /** Its queues, and how many jobs of each may run at once. */
  readonly queues: Readonly<Record<string, number>>;
  /** How many jobs may run at once in all. */
  readonly concurrency: number;
  /** How many jobs it holds now: `list({ worker: id })` lists them. */
  readonly running: number;
  /** When it was started. */
  readonly startedAt: Date;
  /** When it was last heard of. */
  readonly heartbeatAt: Date;
  /** Why it was asked to end, where whoever asked said so. */
  readonly reason?: string;
}

/** One page of workers. */
export interface WorkerPage {
  /** The workers, in the order of their starts. */
  readonly workers: readonly WorkerInfo[];
  /** Pass it to get the next page; absent on the last one. */
  readonly cursor?: string;
}

/** How a worker came to its end. */
export interface WorkerEnd {
  /** The worker's name. */
  readonly worker: string;
  /** The worker's id. */
  readonly id: string;
  /** Who asked: its own process, or a call of `workers.stop` or `workers.drain`. */
  readonly asked: "here" | "elsewhere";
  /** Why, where such a call said so. */
  readonly reason?: string;
}
