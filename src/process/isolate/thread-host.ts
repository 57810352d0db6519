/**
 * One thread, as the worker sees it.
 *
 * @module
 */
import type { Worker } from "node:worker_threads";
import { systemClock } from "../../clock.ts";
import { decode } from "../../codec.ts";
import type { HandlerContext } from "../../context.ts";
import { Crashed } from "../../crash.ts";
import type { AttemptAborted, Returned } from "../../task.ts";
import {
  type FromThread,
  receivedError,
  type RunRequest,
  sentError,
  type ToThread,
} from "./messages.ts";

/** How long a handler may go on once its signal has aborted; then its thread is ended. */
export const ABORT_GRACE_MS = 1_000;

interface Run {
  readonly context: HandlerContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  returned: { snoozed?: Returned<unknown>; completion?: Returned<unknown> };
}

/** Runs one handler at a time; ends with the first crash. */
export class Thread {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;

  readonly #worker: Worker;
  #run: Run | undefined;
  #dead = false;

  /** Takes over a thread that runs thread.ts. */
  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#receive(message));
    worker.on("error", (error: unknown) => {
      this.#crash(crashed(error));
      void worker.terminate();
    });
    this.ended = new Promise((resolve) =>
      worker.once("exit", (code: number) => {
        const fact = `its thread ended with exit code ${code}, as by process.exit`;
        this.#crash(new Crashed(`The handler did not return: ${fact}`));
        resolve();
      })
    );
  }

  /** Whether it can run another handler. */
  get usable(): boolean {
    return !this.#dead;
  }

  /** Runs a handler; resolves with what it returned, and rejects with what it threw. */
  async run(request: RunRequest, context: HandlerContext): Promise<unknown> {
    const { signal } = context;
    let cancelGrace: (() => void) | undefined;
    const abort = (): void => {
      const { reason, message } = signal.reason as AttemptAborted;
      this.#post({ kind: "abort", reason, message });
      cancelGrace = systemClock.timer(ABORT_GRACE_MS, () => this.end());
    };
    try {
      return await new Promise((resolve, reject) => {
        this.#run = { context, resolve, reject, returned: {} };
        this.#post(request);
        if (signal.aborted) abort();
        else signal.addEventListener("abort", abort);
      });
    } finally {
      this.#run = undefined;
      cancelGrace?.();
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends it, whatever it does. */
  end(): void {
    this.#crash(new Crashed("The thread was ended"));
    void this.#worker.terminate();
  }

  #post(message: ToThread): void {
    if (!this.#dead) this.#worker.postMessage(message);
  }

  #crash(error: Crashed): void {
    this.#dead = true;
    this.#run?.reject(error);
  }

  #receive(message: FromThread): void {
    const run = this.#run;
    if (run === undefined) return; // said by what a handler left behind
    try {
      this.#obey(message, run);
    } catch (error) {
      run.reject(error);
    }
  }

  #obey(message: FromThread, run: Run): void {
    const { context, returned } = run;
    switch (message.kind) {
      case "log":
        return context.log(message.message);
      case "progress":
        return context.progress(decode(message.text));
      case "update":
        return void this.#update(message, context);
      case "snooze":
        returned.snoozed = context.snooze(message.delayMs);
        return;
      case "complete": {
        const { text, statements } = message;
        returned.completion = context.complete({ result: decode(text), statements });
        return;
      }
      case "returned":
        if (message.what === "value") return run.resolve(decode(message.text) ?? undefined);
        return run.resolve(returned[message.what]);
      case "threw":
        return run.reject(receivedError(message.error));
    }
  }

  async #update(
    { call, text, removed }: Extract<FromThread, { kind: "update" }>,
    context: HandlerContext,
  ): Promise<void> {
    try {
      const patch = decode(text) as Record<string, unknown>;
      for (const key of removed) patch[key] = undefined;
      await context.update(patch);
      this.#post({ kind: "updated", call });
    } catch (error) {
      this.#post({ kind: "updated", call, error: sentError(error) });
    }
  }
}

function crashed(error: unknown): Crashed {
  const { code } = (error ?? {}) as { code?: unknown };
  const fact = code === "ERR_WORKER_OUT_OF_MEMORY"
    ? "its thread ran out of memory"
    : `its thread ended by an error that nothing caught: ${sentError(error).message}`;
  return new Crashed(`The handler did not return: ${fact}`);
}
