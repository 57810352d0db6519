/**
 * Workers, by hand.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import { durationMs } from "./duration.ts";
import { ErrandError, invalid, show } from "./errors.ts";
import { checkedPage, type PageOptions } from "./page.ts";
import type { Wake } from "./wake.ts";
import type { WorkerCommand } from "./worker-broker.ts";
import type { WorkerInfo, WorkerPage } from "./worker-info.ts";
import type { StopOptions } from "./worker-options.ts";

/** What the worker is told. */
export interface DrainWorkerOptions {
  /** Why: at most 200 characters, for its `stopped` event. Put nothing secret here. */
  readonly reason?: string;
}

/** How a worker is to stop, and what it is told. */
export interface StopWorkerOptions extends StopOptions, DrainWorkerOptions {}

const REASON_MAX_LENGTH = 200;
const ID_MAX_LENGTH = 128;

/** Looks at workers and ends them, wherever they run. */
export class Workers {
  readonly #broker: Broker;
  readonly #wake: Wake;

  /** Made by an Errand. */
  constructor(broker: Broker, wake: Wake) {
    this.#broker = broker;
    this.#wake = wake;
  }

  /**
   * Workers by the order of their starts, a page at a time: those that were started, and drains
   * that have lasted for a third of their lease. A dead one is listed for a day.
   *
   * @throws {ErrandError} `INVALID_INPUT` for unusable options.
   */
  async list(options: PageOptions = {}): Promise<WorkerPage> {
    const { limit, cursor } = checkedPage(options);
    const found = await this.#broker.workers.list(cursor, limit + 1);
    const workers = found.slice(0, limit);
    if (found.length <= limit) return { workers };
    return { workers, cursor: workers[limit - 1]!.id };
  }

  /** The worker, if there is one, or no more. */
  async get(id: string): Promise<WorkerInfo | undefined> {
    return await this.#broker.workers.get(checkWorkerId("get", id));
  }

  /**
   * Asks a worker to stop, as its own `stop` does: it claims nothing more, lets running attempts
   * finish within the grace (its own, unless one is given here), and gives back the rest without
   * using up an attempt. It hears of that at once in this process, within about a second when it
   * is idle on the same file, and with its next heartbeat at the latest. Asked again, it can only
   * be told to hurry.
   *
   * @throws {ErrandError} `NOT_FOUND`; `INVALID_INPUT`.
   */
  async stop(id: string, { grace, reason }: StopWorkerOptions = {}): Promise<WorkerInfo> {
    const graceMs = grace === undefined ? null : durationMs(grace, "grace");
    return await this.#ask(id, { kind: "stop", graceMs, reason: checkedReason(reason) });
  }

  /**
   * Asks a worker to end when what it runs has ended, however long that takes: it claims nothing
   * more and gives back what it has not begun. It hears of that as it does of {@linkcode stop},
   * which still can hurry it.
   *
   * @throws {ErrandError} `NOT_FOUND`; `INVALID_INPUT`.
   */
  async drain(id: string, { reason }: DrainWorkerOptions = {}): Promise<WorkerInfo> {
    return await this.#ask(id, { kind: "drain", graceMs: null, reason: checkedReason(reason) });
  }

  async #ask(id: string, command: WorkerCommand): Promise<WorkerInfo> {
    const worker = await this.#broker.workers.ask(checkWorkerId(command.kind, id), command);
    if (worker === undefined) {
      throw new ErrandError(
        "NOT_FOUND",
        `Cannot ${command.kind} worker ${show(id)}: there is no such worker, or no more`,
      );
    }
    this.#wake.nudge();
    return worker;
  }
}

function checkWorkerId(act: string, id: string): string {
  if (typeof id === "string" && id.length > 0 && id.length <= ID_MAX_LENGTH) return id;
  throw invalid(`Cannot ${act} worker ${show(id)}: an id is the text that workers.list tells`);
}

function checkedReason(reason: string | undefined): string | null {
  if (reason === undefined) return null;
  if (typeof reason === "string" && reason.length <= REASON_MAX_LENGTH) return reason;
  throw invalid(
    `Cannot use ${show(reason)} as reason: it is a text of at most ${REASON_MAX_LENGTH} characters`,
  );
}
