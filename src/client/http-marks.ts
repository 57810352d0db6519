/**
 * Marks, over HTTP.
 *
 * @module
 */
import type { MarkBody, MarkReleaseBody } from "../http/wire.ts";
import type { MarkBroker, MarkRelease } from "../mark-broker.ts";
import { type Requests, segment } from "./requests.ts";

/** The marks that a server keeps. */
export class HttpMarks implements MarkBroker {
  readonly #requests: Requests;

  /** Asks for nothing yet. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** See {@linkcode MarkBroker.take}. */
  take(name: string, holder: string, forMs: number): Promise<boolean> {
    return this.#held(pathOf(name), { holder, for: forMs });
  }

  /** See {@linkcode MarkBroker.prolong}. */
  prolong(name: string, holder: string, forMs: number): Promise<boolean> {
    return this.#held(pathOf(name), { holder, for: forMs, prolong: true });
  }

  /** See {@linkcode MarkBroker.held}. */
  held(name: string): Promise<boolean> {
    return this.#held(pathOf(name));
  }

  /** See {@linkcode MarkBroker.releaseIdle}. */
  async releaseIdle({ name, holder, queues, later }: MarkRelease): Promise<boolean> {
    return !(await this.#held(`${pathOf(name)}/release`, { holder, unless: { queues, later } }));
  }

  /** See {@linkcode MarkBroker.release}. */
  async release(name: string, holder: string): Promise<void> {
    await this.#held(`${pathOf(name)}/release`, { holder });
  }

  async #held(path: string, body?: MarkBody | MarkReleaseBody): Promise<boolean> {
    return (await this.#requests.send<{ readonly held: boolean }>(path, { body })).held;
  }
}

function pathOf(name: string): string {
  return `/v1/marks/${segment(name)}`;
}
