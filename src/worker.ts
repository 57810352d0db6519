/**
 * A worker, as its owner holds it: what it does is loaded when it is first told to do something.
 *
 * @module
 */
import type { DrainOptions, DrainSummary } from "./drain.ts";
import { durationMs } from "./duration.ts";
import { Ending } from "./ending.ts";
import { kept } from "./lazy.ts";
import { Slots } from "./slots.ts";
import type { WorkerEnd } from "./worker-info.ts";
import {
  checkedWorkerOptions,
  type StopOptions,
  type WorkerHost,
  type WorkerOptions,
  type WorkerSettings,
} from "./worker-options.ts";
import type { Working } from "./working.ts";

const code = kept(() => import("./working.ts"));

/** Runs jobs. Made by `errand.worker()`; lives until {@linkcode Worker.stop}. */
export class Worker {
  /** What tells it from all others: `errand.workers` knows it by that. */
  readonly id: string;
  /** How others see it. */
  readonly name: string;

  readonly #host: WorkerHost;
  readonly #settings: WorkerSettings;
  readonly #slots: Slots;
  readonly #ending: Ending;
  #working: Working | undefined;

  /** Made by `errand.worker()`. */
  constructor(host: WorkerHost, options: WorkerOptions = {}) {
    this.#settings = checkedWorkerOptions(options, host.broker);
    this.id = this.#settings.id;
    this.name = this.#settings.name;
    this.#host = host;
    this.#slots = new Slots(options, () => host.tasks.queues(), host.broker.silent);
    this.#ending = new Ending(host.clock);
  }

  /** Whether it claims jobs and runs them now. */
  get started(): boolean {
    return this.#working?.started ?? false;
  }

  /** Resolves once it has stopped, whoever asked for that. */
  get stopped(): Promise<WorkerEnd> {
    return this.#ending.told;
  }

  /**
   * Begins to claim and run jobs; resolves when it has looked for the first ones. A database or a
   * server that does not answer is asked again; one that refuses this worker ends it.
   *
   * @throws {ErrandError} `CONFLICT` when it was stopped; `UNAUTHORIZED` or `FORBIDDEN`.
   */
  async start(): Promise<void> {
    await (this.#working ?? await this.#loaded()).start("now");
  }

  /**
   * Stops: claims nothing more, gives back what waits, lets running attempts finish within the
   * grace period, gives back the rest without using up an attempt, and hands in every outcome.
   * Called again, it can only shorten the grace.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const graceMs = options.grace === undefined
      ? this.#settings.graceMs
      : durationMs(options.grace, "grace");
    await (this.#working ?? await this.#loaded()).end(graceMs);
  }

  /** Stops, at the end of the scope of `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Works until its queues hold nothing that it may claim, or a bound is reached, and stops.
   * The same code as {@linkcode Worker.start}, for functions, scripts and tests.
   *
   * @throws {ErrandError} `CONFLICT` when the worker was started before; what the database answers
   * when it cannot be used.
   */
  async drain(options: DrainOptions = {}): Promise<DrainSummary> {
    const beganMs = this.#host.clock.elapsedMs();
    return await (this.#working ?? await this.#loaded()).drain(options, beganMs);
  }

  /** Those who wait for it go on in the order in which they came. */
  async #loaded(): Promise<Working> {
    const { Working } = await code();
    return this.#working ??= new Working({
      ...{ ...this.#settings, host: this.#host, slots: this.#slots, ending: this.#ending },
    });
  }
}
