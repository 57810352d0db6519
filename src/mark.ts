/**
 * Holding a mark: it is prolonged until it is given up, or lost.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { newId } from "./id.ts";
import { Loop } from "./loop.ts";
import type { MarkBroker, MarkRelease } from "./mark-broker.ts";

/** What holding takes. */
export interface MarkHost {
  readonly marks: MarkBroker;
  readonly clock: Clock;
  /** How long the mark lasts when its holder vanishes. */
  readonly leaseMs: number;
  /** Another one has it: this process was kept from prolonging it in time. */
  lost(): void;
}

const BEATS_PER_LEASE = 3;
const RETRY_MS = 500;

/** A mark that is held here. */
export class Mark {
  readonly #host: MarkHost;
  readonly #who: { readonly name: string; readonly holder: string };
  readonly #heart: Loop;
  #fresh = true;
  #held = true;

  /** Takes the mark, unless another holds it: then `undefined`. */
  static async take(host: MarkHost, name: string): Promise<Mark | undefined> {
    const holder = newId();
    if (!(await host.marks.take(name, holder, host.leaseMs))) return undefined;
    return new Mark(host, { name, holder });
  }

  private constructor(host: MarkHost, who: { readonly name: string; readonly holder: string }) {
    this.#host = host;
    this.#who = who;
    this.#heart = new Loop(host.clock, () => this.#beat());
    this.#heart.start();
  }

  /**
   * Gives it up in the very look that finds no job: whoever adds one before it keeps the holder at
   * work, and whoever does so after it finds the mark free. Whether it was given up.
   */
  async releaseIdle(unless: Pick<MarkRelease, "queues" | "later">): Promise<boolean> {
    this.#held = !(await this.#host.marks.releaseIdle({ ...this.#who, ...unless }));
    return !this.#held;
  }

  /** Gives it up, if it is held still. */
  async release(): Promise<void> {
    await this.#heart.stop();
    const { name, holder } = this.#who;
    if (this.#held) await this.#host.marks.release(name, holder);
    this.#held = false;
  }

  async #beat(): Promise<number> {
    const { marks, leaseMs, lost } = this.#host;
    const restMs = leaseMs / BEATS_PER_LEASE;
    if (this.#fresh) {
      this.#fresh = false;
      return restMs;
    }
    try {
      const { name, holder } = this.#who;
      if (!(await marks.prolong(name, holder, leaseMs)) && this.#held) lost();
      return restMs;
    } catch {
      return Math.min(RETRY_MS, restMs); // whoever works under the mark tells of failures
    }
  }
}
