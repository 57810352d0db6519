/**
 * Typed events of one process: what this Errand and its workers did. They are emitted after the
 * commit that made them true.
 *
 * @module
 */
import type { RunSummary } from "./drain.ts";
import { invalid, show } from "./errors.ts";
import type { Job, JobError } from "./job.ts";
import type { WorkerEnd } from "./worker-info.ts";

/** Which job an event is about. */
export interface JobRef {
  /** The job. */
  readonly id: string;
  /** Its task. */
  readonly task: string;
  /** Its queue. */
  readonly queue: string;
}

/** A job at one of its attempts. */
export interface AttemptRef extends JobRef {
  /** The attempt's number, from 1. */
  readonly attempt: number;
  /** The worker that ran it. */
  readonly worker: string;
}

/** Each event and what its listeners get. */
export interface ErrandEvents {
  /** A job was accepted. */
  enqueued: { readonly job: Job };
  /** A handler was called. */
  started: AttemptRef;
  /** A result was stored. */
  completed: AttemptRef & { readonly result: unknown; readonly durationMs: number };
  /** An attempt failed, and is followed by another (`willRetry`) or was the last. */
  failed: AttemptRef & {
    readonly error: JobError;
    readonly willRetry: boolean;
    readonly delayMs?: number;
    readonly durationMs: number;
  };
  /** A handler put its job off. */
  snoozed: AttemptRef & { readonly delayMs: number };
  /** A worker gave a job back unfinished: it is stopping, or knows no such task. */
  released: AttemptRef & { readonly error?: JobError };
  /** An outcome or a heartbeat came too late: the job is no longer held by that attempt. */
  lost: AttemptRef & { readonly reason: "LEASE_LOST" | "CANCELLED" };
  /** The job of a vanished worker was put back, or failed. */
  rescued: JobRef & { readonly attempt: number; readonly willRetry: boolean };
  /** A job was cancelled through this Errand. */
  cancelled: { readonly job: Job };
  /** An ended job was made live again by hand. */
  retried: { readonly job: Job };
  /** A job was removed by hand. */
  removed: { readonly job: Job };
  /** One batch, of at most 500 jobs, of `purge`, `cancelMany`, `retryMany` or `removeMany`. */
  bulk: {
    readonly verb: "purge" | "cancel" | "retry" | "remove";
    readonly count: number;
    readonly jobs: readonly JobRef[];
  };
  /** Ended jobs whose retention is over were removed. */
  pruned: { readonly count: number };
  /** A queue was paused. */
  paused: { readonly queue: string };
  /** A queue was resumed. */
  resumed: { readonly queue: string };
  /** A worker of this Errand has stopped. */
  stopped: WorkerEnd;
  /** A run has ended, or has found another one under way. */
  ran: RunSummary;
  /**
   * Background work failed and will be tried again; nothing was lost, unless the message says that
   * a server will never take what a handler has reported.
   */
  error: { readonly error: unknown; readonly during: string };
}

/** The name of an event. */
export type EventName = keyof ErrandEvents;

const NAMES: readonly string[] = Object.keys(
  {
    ...{ enqueued: 1, started: 1, completed: 1, failed: 1, snoozed: 1, released: 1, lost: 1 },
    ...{ rescued: 1, cancelled: 1, retried: 1, removed: 1, bulk: 1, pruned: 1, paused: 1 },
    ...{ resumed: 1, stopped: 1, ran: 1, error: 1 },
  } satisfies Record<EventName, 1>,
);

/** What listens to an event. */
export type Listener<Name extends EventName> = (event: ErrandEvents[Name]) => void;

/** Listeners by event. A listener that throws harms neither the others nor the emitter. */
export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();
  readonly #onThrow: (error: unknown, event: EventName) => void;

  /** `onThrow` hears of listeners that throw. */
  constructor(onThrow: (error: unknown, event: EventName) => void) {
    this.#onThrow = onThrow;
  }

  /** Calls `listener` at each `name` event; returns what ends that. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    if (!NAMES.includes(name)) {
      throw invalid(`Cannot listen to ${show(name)}: events are ${NAMES.join(", ")}`);
    }
    if (typeof listener !== "function") {
      throw invalid(`Cannot listen to ${name} with ${show(listener)}: a listener is a function`);
    }
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) {
        this.#listeners.delete(name);
      }
    };
  }

  /** Whether anyone listens: spares the making of events that nobody hears. */
  heard(name: EventName): boolean {
    return this.#listeners.has(name);
  }

  /** Calls the listeners of `name`. */
  emit<Name extends EventName>(name: Name, event: ErrandEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const result: unknown = (listener as (event: ErrandEvents[Name]) => unknown)(event);
        if (result instanceof Promise) result.catch((error) => this.#threw(error, name));
      } catch (error) {
        this.#threw(error, name);
      }
    }
  }

  #threw(error: unknown, name: EventName): void {
    try {
      this.#onThrow(error, name);
    } catch {
      // The logger itself throws: there is nobody left to tell.
    }
  }
}

/** Emits an `error` event for each of `errors`. */
export function emitErrors(
  events: Events,
  during: string,
  errors: readonly unknown[] = [],
): void {
  for (const error of errors) events.emit("error", { error, during });
}

/** Calls `cancelled` with each job that is cancelled here; returns what ends that. */
export function onCancelled(events: Events, cancelled: (id: string) => void): () => void {
  const ends = [
    events.on("cancelled", ({ job }) => cancelled(job.id)),
    events.on("bulk", ({ verb, jobs }) => {
      if (verb === "cancel") { for (const { id } of jobs) cancelled(id); }
    }),
  ];
  return () => ends.forEach((end) => end());
}
