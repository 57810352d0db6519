/**
 * Calls for many jobs: which are meant, how far to go, and what it came to.
 *
 * @module
 */
import type { JobFilter } from "./job.ts";

/** Which jobs a call for many means. Conditions are joined by "and"; there is at least one. */
export interface BulkFilter extends JobFilter {
  /** Said instead of any condition: every job that the call can change. */
  readonly all?: true;
}

/** How far a call for many goes. */
export interface BulkOptions {
  /** How many jobs at most: 1 to 1,000,000. @default 10,000 */
  readonly limit?: number;
  /** Where to go on: the `cursor` of the call before. */
  readonly cursor?: string;
  /** Only counts, and changes nothing. @default false */
  readonly dryRun?: boolean;
}

/** What a call for many came to. */
export interface BulkResult {
  /** How many jobs it changed or, in a dry run, would. */
  readonly count: number;
  /** There are more: pass it to go on. */
  readonly cursor?: string;
}
