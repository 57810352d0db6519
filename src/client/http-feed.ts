/**
 * The feed of changes, over HTTP: in pages, for which the server waits.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";
import type { ChangePage, ChangesRequest, FeedBroker, StoredChange } from "../feed-broker.ts";
import type { ChangeBody, ChangesBody } from "../http/wire.ts";
import type { Job } from "../job.ts";
import type { Requests } from "./requests.ts";
import { toJob } from "./revive.ts";

/** Proxies give a request up that is silent for a minute. */
const WAIT_MS = 30_000;
/** As many ids as an address has room for; of more, this side picks the changes. */
const IDS_MAX = 50;

/** The feed that a server keeps. */
export class HttpFeed implements FeedBroker {
  readonly waits = true;
  readonly #requests: Requests;

  /** Asks for nothing yet. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** See {@linkcode FeedBroker.keep}. */
  async keep(): Promise<string> {
    return (await this.#requests.send<ChangesBody>("/v1/events", { query: { limit: 1 } })).cursor;
  }

  /** See {@linkcode FeedBroker.changes}. */
  async changes({ after, query, limit, signal }: ChangesRequest): Promise<ChangePage> {
    const { ids, states, events, queue, task, parentId } = query;
    if (ids?.length === 0) {
      return await this.changes({ ...NEVER, after, limit, ...(signal && { signal }) });
    }
    const few = ids !== undefined && ids.length <= IDS_MAX;
    try {
      const page = await this.#requests.send<ChangesBody>("/v1/events", {
        query: {
          ...{ after, limit, wait: WAIT_MS, queue, task, parentId },
          ids: few ? ids.join() : undefined,
          state: states?.join(),
          event: events?.join(),
        },
        ...{ waitMs: WAIT_MS, ...(signal !== undefined && { signal }) },
      });
      const picked = ids === undefined || few ? undefined : new Set(ids);
      return toPage(page, picked);
    } catch (error) {
      if (!(error instanceof ErrandError && error.code === "NOT_FOUND")) throw error;
      return { changes: [], jobs: new Map(), cursor: after, more: false, lost: true };
    }
  }

  /** The server does that. */
  tidy(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** No job has such an id. */
const NEVER = { query: { ids: ["none"] } };

function toPage({ changes, cursor, more }: ChangesBody, ids?: ReadonlySet<string>): ChangePage {
  const own = ids === undefined ? changes : changes.filter(({ id }) => ids.has(id));
  const jobs = own.flatMap(({ id, job }) =>
    job === undefined ? [] : [[id, toJob(job)] satisfies [string, Job]]
  );
  return { changes: own.map(toChange), jobs: new Map(jobs), cursor, more, lost: false };
}

function toChange({ cursor, event, id, task, queue, state, at }: ChangeBody): StoredChange {
  return { cursor, event, id, task, queue, state, atMs: Date.parse(at) };
}
