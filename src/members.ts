/**
 * Objects of options, checked for members that nobody knows: a misspelt one would do nothing,
 * without a word.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";

/** Throws `INVALID_INPUT` unless `value` is an object whose members are all `known`. */
export function checkMembers(value: unknown, known: readonly string[], what: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`Cannot use ${show(value)} as ${what}: it is an object of ${known.join(", ")}`);
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw invalid(`Cannot use ${show(unknown)} in ${what}: there are only ${known.join(", ")}`);
}
