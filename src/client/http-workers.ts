/**
 * Workers, over HTTP.
 *
 * @module
 */
import type { Wire } from "../http/wire.ts";
import type { WorkerBroker, WorkerCommand } from "../worker-broker.ts";
import type { WorkerInfo, WorkerPage } from "../worker-info.ts";
import { collected, found } from "./pages.ts";
import { type Requests, segment } from "./requests.ts";
import { toWorker } from "./revive.ts";

/** The workers that a server knows. */
export class HttpWorkers implements WorkerBroker {
  readonly #requests: Requests;

  /** Asks for nothing yet. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** See {@linkcode WorkerBroker.list}. */
  async list(after: string, limit: number): Promise<readonly WorkerInfo[]> {
    return await collected(after, limit, async (query) => {
      const page = await this.#requests.send<Wire<WorkerPage>>("/v1/workers", { query });
      return { items: page.workers.map(toWorker), cursor: page.cursor };
    });
  }

  /** See {@linkcode WorkerBroker.get}. */
  async get(id: string): Promise<WorkerInfo | undefined> {
    const worker = await found(this.#requests.send<Wire<WorkerInfo>>(pathOf(id)));
    return worker && toWorker(worker);
  }

  /** See {@linkcode WorkerBroker.ask}. */
  async ask(id: string, command: WorkerCommand): Promise<WorkerInfo | undefined> {
    const { kind, graceMs, reason } = command;
    const body = {
      ...(graceMs !== null && { grace: graceMs }),
      ...(reason !== null && { reason }),
    };
    const asked = this.#requests.send<Wire<WorkerInfo>>(`${pathOf(id)}/${kind}`, { body });
    const worker = await found(asked);
    return worker && toWorker(worker);
  }

  /** See {@linkcode WorkerBroker.asked}. */
  async asked(id: string): Promise<WorkerCommand | undefined> {
    const path = `${pathOf(id)}/command`;
    return await found(this.#requests.send<WorkerCommand | undefined>(path)) ?? undefined;
  }

  /** See {@linkcode WorkerBroker.remove}. */
  async remove(id: string): Promise<void> {
    await found(this.#requests.send(pathOf(id), { method: "DELETE" }));
  }

  /** The server does that. */
  prune(): Promise<void> {
    return Promise.resolve();
  }
}

function pathOf(id: string): string {
  return `/v1/workers/${segment(id)}`;
}
