/**
 * The threads of one worker: made when needed, used again, ended when idle.
 *
 * @module
 */
import type { WorkerOptions } from "node:worker_threads";
import { systemClock } from "../../clock.ts";
import type { HandlerContext } from "../../context.ts";
import { ErrandError } from "../../errors.ts";
import type { Isolate } from "../../isolate.ts";
import { Thread } from "./thread-host.ts";

/** A thread that has run nothing for so long is ended. */
const IDLE_MS = 10_000;

/** How much may run. */
export interface ThreadLimits {
  /** Threads at once, those that are being ended included. */
  readonly most: number;
  /** Bytes of JSON that a handler may report. */
  readonly limitBytes: number;
}

type Make = (options: WorkerOptions) => Thread;

/**
 * No thread yet, but the certainty that there can be some.
 *
 * @throws {ErrandError} `INVALID_INPUT` where the runtime has none.
 */
export async function openThreads(limits: ThreadLimits): Promise<Threads> {
  const { userAgent } = (globalThis as { navigator?: { userAgent?: string } }).navigator ?? {};
  if (userAgent === "Cloudflare-Workers") throw noThreads(userAgent); // it only pretends to
  const { Worker } = await import("node:worker_threads").catch((cause: unknown) => {
    throw noThreads("This runtime", cause);
  });
  const file = import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js";
  const url = new URL(file, import.meta.url);
  return new Threads(limits, (options) => new Thread(new Worker(url, options)));
}

function noThreads(runtime: string, cause?: unknown): ErrandError {
  return new ErrandError(
    "INVALID_INPUT",
    `Cannot run isolated tasks: ${runtime} has no threads; let a worker on Node, Deno or Bun ` +
      `run them, or define them without isolate`,
    { cause },
  );
}

interface Pooled {
  readonly thread: Thread;
  readonly memoryMb: number | undefined;
  cancelIdle: (() => void) | undefined;
}

/** Runs handlers, each in a thread that it has for itself. */
export class Threads {
  readonly #limits: ThreadLimits;
  readonly #make: Make;
  readonly #all = new Set<Pooled>();
  readonly #idle: Pooled[] = [];
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  /** `make` starts a thread. */
  constructor(limits: ThreadLimits, make: Make) {
    this.#limits = limits;
    this.#make = make;
  }

  /** Runs the handler of `task`; resolves with what it returned. */
  async run(task: string, isolate: Isolate, context: HandlerContext): Promise<unknown> {
    const pooled = await this.#take(isolate.memoryMb, context.signal);
    try {
      const { job, payload } = context;
      const { limitBytes } = this.#limits;
      const { module } = isolate;
      return await pooled.thread.run(
        { kind: "run", module, task, job, payload, limitBytes },
        context,
      );
    } finally {
      this.#rest(pooled);
    }
  }

  /** Resolves when all have ended: idle ones at once, others at the end of their handlers. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const pooled of [...this.#idle]) this.#end(pooled);
    await Promise.all([...this.#all].map(({ thread }) => thread.ended));
  }

  async #take(memoryMb: number | undefined, signal: AbortSignal): Promise<Pooled> {
    for (;;) {
      signal.throwIfAborted();
      const idle = this.#idle.find((of) => of.thread.usable && of.memoryMb === memoryMb);
      if (idle !== undefined) {
        this.#forget(idle);
        return idle;
      }
      if (this.#all.size < this.#limits.most) return this.#start(memoryMb);
      const [other] = this.#idle; // of another size: it makes room
      if (other !== undefined) this.#end(other);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #start(memoryMb: number | undefined): Pooled {
    const limits = memoryMb === undefined
      ? {}
      : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } };
    const pooled = { thread: this.#make(limits), memoryMb, cancelIdle: undefined };
    this.#all.add(pooled);
    void pooled.thread.ended.then(() => {
      this.#all.delete(pooled);
      this.#forget(pooled);
      this.#next();
    });
    return pooled;
  }

  #rest(pooled: Pooled): void {
    if (!pooled.thread.usable) return;
    if (this.#closed) return pooled.thread.end();
    this.#idle.push(pooled);
    pooled.cancelIdle = systemClock.timer(IDLE_MS, () => this.#end(pooled));
    this.#next();
  }

  #end(pooled: Pooled): void {
    this.#forget(pooled);
    pooled.thread.end();
  }

  #forget(pooled: Pooled): void {
    pooled.cancelIdle?.();
    const at = this.#idle.indexOf(pooled);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #next(): void {
    for (const look of this.#waiting.splice(0)) look();
  }
}
