/**
 * Hears of other processes' commits: by the database's version, which is looked at often for a
 * moment; after that only when the system tells of a change, where it does.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** What tells of commits. */
export interface CommitSource {
  /** A number that changes when another connection has committed. */
  readonly version?: (() => number) | undefined;
  /**
   * Calls `heard` when somebody may be committing, often a little before the version tells of it;
   * returns what ends that, or nothing where it cannot be had.
   */
  readonly onCommit?: ((heard: () => void) => (() => void) | undefined) | undefined;
}

/** A look costs some 100 µs, most of it for the waking of the event loop: for a moment only … */
const ALERT_MS = 1_000;
const ALERT_POLL_MS = 8;
/** … and as long as something heard may not be visible yet. */
const HEARD_MS = 20;
const HEARD_POLL_MS = 1;
/** A quiet database, where the system tells of changes, and where it does not. */
const BACKSTOP_MS = 250;
const QUIET_POLL_MS = 16;
/** A system that has told of none of so many commits is not listened to any more. */
const MISSED_MAX = 3;

/** Looks for commits between start and stop. */
export class Commits {
  readonly #clock: Clock;
  readonly #source: CommitSource;
  readonly #news: () => void;
  #faults = 0;
  #seen = 0;
  #alertMs = 0;
  #heardMs = -Infinity;
  #missed = 0;
  #cancel: (() => void) | undefined;
  #unhear: (() => void) | undefined;

  /** Calls `news` after each look that found another version than the one before. */
  constructor(clock: Clock, source: CommitSource, news: () => void) {
    this.#clock = clock;
    this.#source = source;
    this.#news = news;
  }

  /** The database's version; one that cannot be told counts as changed: a look will meet why. */
  version(): number {
    try {
      return this.#source.version?.() ?? 0;
    } catch {
      return --this.#faults;
    }
  }

  /** Looks for what is committed after `version` from now on. */
  start(version: number): void {
    if (this.#source.version === undefined) return;
    if (this.#cancel === undefined) {
      this.#seen = version;
      this.#alertMs = this.#clock.elapsedMs();
      this.#wait();
    } else if (this.#seen !== version) {
      this.#seen = version - 1; // the two are not the same: the next look is news to all
      this.#hurry();
    }
  }

  /** Looks no more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#end();
  }

  #wait(): void {
    const nowMs = this.#clock.elapsedMs();
    let delayMs = nowMs - this.#heardMs < HEARD_MS ? HEARD_POLL_MS : ALERT_POLL_MS;
    if (nowMs - this.#alertMs >= ALERT_MS) {
      this.#listen();
      delayMs = this.#unhear === undefined ? QUIET_POLL_MS : BACKSTOP_MS;
    }
    this.#cancel = this.#clock.timer(delayMs, () => this.#look());
  }

  #look(): void {
    const version = this.version();
    const changed = version !== this.#seen;
    if (changed) {
      this.#seen = version;
      this.#alertMs = this.#clock.elapsedMs();
      if (this.#unhear !== undefined) this.#missed++;
      this.#end();
    }
    this.#wait();
    if (changed) this.#news();
  }

  #listen(): void {
    if (this.#missed >= MISSED_MAX) return;
    this.#unhear ??= this.#source.onCommit?.(() => {
      this.#missed = 0;
      this.#hurry();
    });
  }

  #hurry(): void {
    this.#end();
    this.#cancel?.();
    this.#alertMs = this.#heardMs = this.#clock.elapsedMs();
    this.#wait();
  }

  #end(): void {
    this.#unhear?.();
    this.#unhear = undefined;
  }
}
