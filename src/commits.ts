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
/** … and after something was heard, which may show a little later: 1, 2, 4 … 32 ms apart. */
const HEARD_POLL_MOST_MS = 32;
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
  #seen: number | undefined;
  #alertMs = 0;
  #heardPollMs = Infinity;
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

  /** This process is at work, and others may be: who begins to look now looks often. */
  alert(): void {
    this.#alertMs = this.#clock.elapsedMs();
  }

  /** Looks for what is committed after `version` from now on. */
  start(version: number): void {
    if (this.#source.version === undefined) return;
    if (this.#cancel === undefined) {
      if (this.#seen !== version) this.alert();
      else if (!this.#isAlert()) this.#heardPollMs = 1; // nobody listened for a moment
      this.#seen = version;
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
    this.#cancel = this.#clock.timer(this.#pauseMs(), () => this.#look());
  }

  #pauseMs(): number {
    const heardPollMs = this.#heardPollMs;
    this.#heardPollMs = heardPollMs < HEARD_POLL_MOST_MS ? 2 * heardPollMs : Infinity;
    if (this.#isAlert()) return Math.min(heardPollMs, ALERT_POLL_MS);
    if (heardPollMs < Infinity) return heardPollMs;
    this.#listen();
    return this.#unhear === undefined ? QUIET_POLL_MS : BACKSTOP_MS;
  }

  #isAlert(): boolean {
    return this.#clock.elapsedMs() - this.#alertMs < ALERT_MS;
  }

  #look(): void {
    const version = this.version();
    const changed = version !== this.#seen;
    if (changed) {
      this.#seen = version;
      this.alert();
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
    this.#heardPollMs = 1; // it may be this process's own write: no cause for alert
    this.#wait();
  }

  #end(): void {
    this.#unhear?.();
    this.#unhear = undefined;
  }
}
