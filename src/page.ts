/**
 * Which part of a list.
 *
 * @module
 */
import { invalid, show } from "./errors.ts";

/** Which part of the list of schedules or workers. */
export interface PageOptions {
  /** How many at most: 1 to 1,000. @default 50 */
  readonly limit?: number;
  /** Where to go on: the `cursor` of the page before. */
  readonly cursor?: string;
}

/** The most items of a page. */
export const PAGE_MAX = 1_000;

/** Checks a page's options, and fills in what they leave out. */
export function checkedPage({ limit = 50, cursor = "" }: PageOptions): Required<PageOptions> {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= PAGE_MAX)) {
    throw invalid(
      `Cannot use ${show(limit)} as limit: it is a whole number from 1 to ${PAGE_MAX}`,
    );
  }
  if (typeof cursor !== "string") {
    throw invalid(`Cannot use ${show(cursor)} as cursor: it is the cursor of the page before`);
  }
  return { limit, cursor };
}
