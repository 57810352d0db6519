/**
 * How many requests a caller may send: a bucket of tokens for each caller, from which every request
 * takes one and which fills up as time goes by.
 *
 * @module
 */
import { type Duration, durationMs } from "../duration.ts";
import { invalid, show } from "../errors.ts";

/** A bound on what each token may send to one process; several processes bound it by themselves. */
export interface RateLimit {
  /** So many requests in `per` on average, and so many at once. */
  readonly requests: number;
  /** A duration, such as `"1s"`. */
  readonly per: Duration;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** The buckets of one API. */
export class Rates {
  readonly #most: number;
  readonly #perMs: number;
  readonly #buckets = new Map<string, Bucket>();

  /** All full. @throws {ErrandError} `INVALID_INPUT` for an unusable limit. */
  constructor({ requests, per }: RateLimit) {
    if (!(Number.isInteger(requests) && requests > 0)) {
      throw invalid(
        `Cannot use ${show(requests)} as rateLimit.requests: it is a whole number from 1`,
      );
    }
    this.#most = requests;
    this.#perMs = durationMs(per, "rateLimit.per");
    if (this.#perMs === 0) {
      throw invalid("Cannot use 0 as rateLimit.per: it is the time in which to count");
    }
  }

  /** Milliseconds until a request of `caller` is accepted; 0 when this one is. */
  take(caller: string, nowMs: number): number {
    const bucket = this.#buckets.get(caller) ?? { left: this.#most, atMs: nowMs };
    const filled = bucket.left + (nowMs - bucket.atMs) * this.#most / this.#perMs;
    const left = Math.min(this.#most, filled);
    const accepted = left >= 1;
    this.#buckets.set(caller, { left: accepted ? left - 1 : left, atMs: nowMs });
    return accepted ? 0 : Math.ceil((1 - left) * this.#perMs / this.#most);
  }
}
