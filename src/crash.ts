/**
 * The end of the place that a handler ran in.
 *
 * @module
 */

/** A thread ended before the handler that ran in it. */
export class Crashed extends Error {
  /** Always `"Crashed"`. */
  override readonly name = "Crashed";
}

/** `instanceof` asks the value that a handler threw, and a proxy may throw in turn. */
export function isCrashed(thrown: unknown): thrown is Crashed {
  try {
    return thrown instanceof Crashed;
  } catch {
    return false;
  }
}
