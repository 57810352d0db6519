/**
 * A feed of changes to jobs that are encrypted.
 *
 * @module
 */
import type { ChangePage, ChangesRequest, FeedBroker } from "../feed-broker.ts";
import type { KeyRing } from "./key-ring.ts";
import { isSealed, opening } from "./look.ts";

/** Wraps the feed of a broker. */
export class EncryptedFeed implements FeedBroker {
  readonly #feed: FeedBroker;
  readonly #keys: KeyRing | undefined;
  /** See {@linkcode FeedBroker.onWrite}. */
  readonly onWrite?: NonNullable<FeedBroker["onWrite"]>;

  /** Without `keys` encrypted jobs stay locked. */
  constructor(feed: FeedBroker, keys: KeyRing | undefined) {
    this.#feed = feed;
    this.#keys = keys;
    if (feed.onWrite !== undefined) this.onWrite = feed.onWrite;
  }

  keep(): Promise<string> {
    return this.#feed.keep();
  }

  async changes(request: ChangesRequest): Promise<ChangePage> {
    const page = await this.#feed.changes(request);
    const jobs = new Map(page.jobs);
    await Promise.all(
      [...jobs].filter(([, job]) => isSealed(job)).map(async ([id, job]) => {
        jobs.set(id, await (await opening()).openJob(this.#keys, job));
      }),
    );
    return { ...page, jobs };
  }

  tidy(): Promise<number> {
    return this.#feed.tidy();
  }
}
