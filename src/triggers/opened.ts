/**
 * An Errand for one event: given, or opened for it and closed after it.
 *
 * @module
 */
import { Errand } from "../errand.ts";
import type { ErrandOptions } from "../options.ts";

/** An Errand that stays open, or how to open one. */
export type ErrandSource = Errand | ErrandOptions;

/** Calls `use` with an Errand, which is closed then if it was opened for that. */
export async function opened<Result>(
  source: ErrandSource,
  use: (errand: Errand) => Promise<Result>,
): Promise<Result> {
  if (source instanceof Errand) return await use(source);
  await using errand = await Errand.open(source);
  return await use(errand);
}
