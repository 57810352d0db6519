/**
 * The one loop: it runs a body again and again, and the body says how long to rest between.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Runs one turn and answers the milliseconds until the next one. */
export type LoopBody = () => Promise<number>;

/** A loop that can be woken early and stopped; turns never overlap. */
export class Loop {
  readonly #clock: Clock;
  readonly #body: LoopBody;
  #running: Promise<void> | undefined;
  #stopped = false;
  #woken = false;
  #resume: (() => void) | undefined;

  /** `body` must not throw: what can fail in it, it handles. */
  constructor(clock: Clock, body: LoopBody) {
    this.#clock = clock;
    this.#body = body;
  }

  /** Begins turning; once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** The next turn comes at once, or right after the one that runs. */
  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  /** No turn begins after this; resolves when the one that runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const delayMs = await this.#body();
      if (!this.#woken && delayMs > 0) await this.#pause(delayMs);
      // What else becomes ready in this turn of the event loop is served together.
      if (!this.#stopped) await this.#clock.turn();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.timer(delayMs, end);
      this.#resume = end;
      const loop = this as Loop;
      function end(): void {
        cancel();
        loop.#resume = undefined;
        resolve();
      }
    });
  }
}
