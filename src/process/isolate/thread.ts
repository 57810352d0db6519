/**
 * The program of a thread: it loads the modules of tasks and runs one handler after another.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { encode } from "../../codec.ts";
import { completing } from "../../completion.ts";
import { durationMs } from "../../duration.ts";
import { ErrandError, invalid } from "../../errors.ts";
import { parse } from "../../schema.ts";
import {
  AttemptAborted,
  type RunningJob,
  type Snoozed,
  type Task,
  type TaskContext,
} from "../../task.ts";
import type { CompleteOptions, Completion } from "../../statement.ts";
import { exportedTasks, unloadable } from "./exported-tasks.ts";
import {
  type FromThread,
  receivedError,
  type RunRequest,
  sentError,
  type ToThread,
} from "./messages.ts";

/** The handler that runs. */
class Run implements TaskContext {
  readonly input: unknown;
  readonly job: RunningJob;
  readonly signal: AbortSignal;
  readonly #limitBytes: number;
  #snoozed: Snoozed | undefined;
  #completion: Completion | undefined;
  #over = false;

  constructor(input: unknown, { job, limitBytes }: RunRequest, signal: AbortSignal) {
    this.input = input;
    this.job = job;
    this.signal = signal;
    this.#limitBytes = limitBytes;
  }

  readonly progress = (value: unknown): void => {
    this.#post({ kind: "progress", text: this.#encode(value, "progress") });
  };

  readonly log = (message: string): void => {
    this.#post({ kind: "log", message: String(message) });
  };

  readonly snooze: TaskContext["snooze"] = (duration) => {
    this.#post({ kind: "snooze", delayMs: durationMs(duration, "the duration of snooze") });
    return this.#snoozed = { snoozed: true };
  };

  readonly complete = <Result>(options: CompleteOptions<Result>): Completion<Result> => {
    const { value, statements } = completing(this.job.id, options);
    this.#post({ kind: "complete", text: this.#encode(value.result, "result"), statements });
    this.#completion = value;
    return value as Completion<Result>;
  };

  readonly update: TaskContext["update"] = async (patch) => {
    if (this.#over) {
      const { id } = this.job;
      throw new ErrandError("LEASE_LOST", `Cannot update job ${id}: this attempt has ended`);
    }
    const text = this.#encode(patch, "payload");
    const removed = Object.entries(patch ?? {}).flatMap(([key, value]) =>
      value === undefined ? key : []
    );
    await new Promise<void>((resolve, reject) => {
      const call = ++calls;
      updates.set(call, (error) => error === undefined ? resolve() : reject(error));
      this.#post({ kind: "update", call, text, removed });
    });
  };

  /** What the handler returned, as it is told to the worker. */
  returned(value: unknown): FromThread {
    if (value !== undefined && value === this.#snoozed) {
      return { kind: "returned", what: "snoozed" };
    }
    if (value !== undefined && value === this.#completion) {
      return { kind: "returned", what: "completion" };
    }
    return { kind: "returned", what: "value", text: this.#encode(value, "result") };
  }

  /** What it left behind shall not speak for the next one. */
  end(): void {
    this.#over = true;
  }

  #post(message: FromThread): void {
    if (!this.#over) port.postMessage(message);
  }

  #encode(value: unknown, what: string): string {
    return encode(value, { what, limitBytes: this.#limitBytes }).text;
  }
}

const port = parentPort!;
const updates = new Map<number, (error: Error | undefined) => void>();
let calls = 0;
let controller = new AbortController();

port.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "run":
      controller = new AbortController();
      return void run(message, controller.signal);
    case "abort":
      return controller.abort(new AttemptAborted(message.reason, message.message));
    case "updated":
      updates.get(message.call)?.(message.error && receivedError(message.error));
      return void updates.delete(message.call);
  }
});

async function run(request: RunRequest, signal: AbortSignal): Promise<void> {
  let handler: Run | undefined;
  let end: FromThread;
  try {
    const task = await find(request);
    const input = await parse(task.input, request.payload, `run task "${task.name}"`);
    handler = new Run(input, request, signal);
    end = handler.returned(await task.run(handler));
  } catch (error) {
    end = { kind: "threw", error: sentError(error) };
  }
  handler?.end();
  updates.clear();
  port.postMessage(end);
}

async function find({ module, task }: RunRequest): Promise<Task> {
  const exports = await import(module).catch((cause: unknown) => {
    const fact = `its module ${module} cannot be loaded: ${unloadable(cause)}`;
    throw new ErrandError("INVALID_INPUT", `Cannot run task "${task}" in a thread: ${fact}`, {
      cause,
    });
  });
  const found = exportedTasks(exports).find(({ name }) => name === task);
  if (found !== undefined) return found;
  throw invalid(
    `Cannot run task "${task}" in a thread: its module ${module} exports no task of this name; ` +
      `export what defineTask returns`,
  );
}
