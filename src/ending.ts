/**
 * How a worker is brought to its end: by whom, and with how much patience.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { WorkerCommand } from "./worker-broker.ts";
import type { WorkerEnd } from "./worker-info.ts";

/** Asked again and again, it only becomes less patient; the first who asked is remembered. */
export class Ending {
  /** Resolves once the worker has stopped. */
  readonly told: Promise<WorkerEnd>;
  readonly #clock: Clock;
  #tell!: (end: WorkerEnd) => void;
  #untilMs = Infinity;
  #asked: Pick<WorkerEnd, "asked" | "reason"> = { asked: "here" };
  #isAsked = false;

  /** Nobody has asked yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.told = new Promise((resolve) => this.#tell = resolve);
  }

  /** Running attempts may go on for `graceMs`; `command` is there when others asked. */
  ask(graceMs: number, command?: WorkerCommand): void {
    this.#untilMs = Math.min(this.#untilMs, this.#clock.elapsedMs() + graceMs);
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (command === undefined) return;
    const { reason } = command;
    this.#asked = { asked: "elsewhere", ...(reason !== null && { reason }) };
  }

  /** How long running attempts may still go on. */
  leftMs(): number {
    return this.#untilMs - this.#clock.elapsedMs();
  }

  /** What a worker that is ending does. */
  state(): "draining" | "stopping" {
    return this.#untilMs === Infinity ? "draining" : "stopping";
  }

  /** The worker has stopped. */
  tell({ id, name }: { readonly id: string; readonly name: string }): WorkerEnd {
    const end = { worker: name, id, ...this.#asked };
    this.#tell(end);
    return end;
  }
}
