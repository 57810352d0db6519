/**
 * What keeps the database in order while workers come by an API only: schedules fire, expired
 * leases are rescued, old history is removed. It rests when nobody has asked for work for a while,
 * and leaves all to the workers of this process where there are some.
 *
 * @module
 */
import { announceTidied } from "../announce.ts";
import type { RescuedJob } from "../broker.ts";
import { Janitor } from "../janitor.ts";
import { Loop } from "../loop.ts";
import { Scheduler } from "../scheduler.ts";
import type { Parts } from "../parts.ts";

/** Nobody has asked for work for so long: nobody would do it. */
const IDLE_MS = 5 * 60_000;
/** The longest that it rests. */
const REST_MS = 30_000;
const POLL_MS = 5_000;

/** Keeps time for one API. */
export class Keeper {
  readonly #parts: Parts;
  #work:
    | { readonly scheduler: Scheduler; readonly loop: Loop; readonly janitor: Janitor }
    | undefined;
  #askedMs = 0;
  #passMs = 0;
  #closed = false;

  /** Rests until somebody asks for work. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether it is at work. */
  get awake(): boolean {
    return this.#work !== undefined;
  }

  /** Somebody asks for work, or has got some under a lease of so long. */
  asked(leaseMs: number = REST_MS): void {
    if (this.#closed || this.#parts.works()) return;
    const nowMs = this.#askedMs = this.#parts.clock.elapsedMs();
    if (this.#work === undefined) this.#begin();
    if (nowMs + leaseMs >= this.#passMs) return;
    this.#passMs = nowMs + leaseMs;
    this.#work?.loop.wake();
  }

  /** Stops for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #begin(): void {
    const parts = this.#parts;
    const janitor = new Janitor({
      ...{ ...parts, leaseMs: REST_MS, beat: () => Promise.resolve() },
      tidied: (done) => announceTidied(parts, done),
    });
    const scheduler = new Scheduler({ ...parts, pollMs: POLL_MS });
    const loop = new Loop(parts.clock, () => this.#turn());
    this.#passMs = -Infinity;
    this.#work = { janitor, scheduler, loop };
    loop.start();
    scheduler.start();
  }

  async #end(): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    await Promise.all([work?.loop.stop(), work?.scheduler.stop()]);
  }

  async #turn(): Promise<number> {
    const { clock, events, works } = this.#parts;
    const nowMs = clock.elapsedMs();
    if (works() || nowMs - this.#askedMs >= IDLE_MS) {
      void this.#end(); // the next one who asks begins it anew
      return 0;
    }
    if (this.#passMs > nowMs) return this.#passMs - nowMs;
    this.#passMs = Infinity; // leases that are claimed meanwhile bring it down
    let restMs = REST_MS / 3;
    try {
      restMs = await this.#work!.janitor.pass();
    } catch (error) {
      events.emit("error", { error, during: "rescue" });
    }
    this.#passMs = Math.min(this.#passMs, clock.elapsedMs() + restMs);
    return this.#passMs - clock.elapsedMs();
  }
}

/** What one pass has done. */
export interface Kept {
  readonly rescued: readonly RescuedJob[];
  readonly enqueued: number;
  readonly pruned: number;
  readonly nextMs: number;
}

/** One bounded pass of all that a keeper does, whoever else does it. */
export async function keepOnce(parts: Parts): Promise<Kept> {
  let done: Pick<Kept, "rescued" | "pruned"> = { rescued: [], pruned: 0 };
  const scheduler = new Scheduler({ ...parts, pollMs: POLL_MS });
  const janitor = new Janitor({
    ...{ ...parts, leaseMs: REST_MS, beat: () => Promise.resolve() },
    tidied: (tidied) => announceTidied(parts, done = tidied),
  });
  const dueMs = await scheduler.pass();
  const restMs = await janitor.pass();
  await janitor.keep();
  return { ...done, enqueued: scheduler.enqueued, nextMs: Math.min(dueMs, restMs) };
}
