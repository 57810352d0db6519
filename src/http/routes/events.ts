/**
 * Changes to jobs: as a stream, or page by page.
 *
 * @module
 */
import * as v from "valibot";
import { CHANGE_EVENTS, type WatchFilter } from "../../change.ts";
import { before } from "../../clock.ts";
import { ErrandError } from "../../errors.ts";
import type { ChangePage } from "../../feed-broker.ts";
import { changeOf } from "../../feed.ts";
import { checkCursor, watchQuery } from "../../watch-query.ts";
import { takes } from "../accept.ts";
import { filteredQueue } from "../access.ts";
import { json } from "../answer.ts";
import { job } from "../bodies.ts";
import {
  cursor,
  durationText,
  events,
  type Field,
  jobId,
  name,
  named,
  state,
  states,
  texts,
  time,
  wholeText,
  word,
} from "../fields.ts";
import { type Call, type Route, route } from "../route.ts";
import { waiting, waitMs } from "../wait.ts";

const some = v.exactOptional;
const PAGE = 200;

const change: Field<unknown> = named(
  "Change",
  v.strictObject({
    cursor,
    event: word(CHANGE_EVENTS),
    id: jobId,
    task: v.string(),
    queue: v.string(),
    state,
    at: time,
    willRetry: some(v.boolean()),
    job: some(job),
  }),
);

const query = v.strictObject({
  after: some(cursor),
  limit: some(wholeText(1, 1_000)),
  wait: some(durationText),
  ids: some(texts(1_000)),
  queue: some(name),
  task: some(name),
  parentId: some(name),
  state: some(states),
  event: some(events),
});
type Query = v.InferOutput<typeof query>;

/** `/v1/events`. */
export const eventRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/events",
    scope: "read",
    tag: "Events",
    summary: "Changes to jobs, in the order of their commits",
    description:
      "As a stream of server-sent events under `Accept: text/event-stream`: each has a " +
      "cursor as its id, and `Last-Event-ID` goes on after it. Otherwise a page: without `after` " +
      "an empty one whose cursor says where the changes from now on begin.",
    query,
    headers: { "last-event-id": "The cursor of the event that the stream goes on after" },
    problems: [404],
    answers: {
      200: {
        description: "A page of changes, or a stream of them",
        type: "application/json, text/event-stream",
        schema: v.strictObject({ changes: v.array(change), cursor, more: v.boolean() }),
      },
    },
    async handle(call) {
      const accept = call.request.headers.get("accept") ?? "";
      const last = call.request.headers.get("last-event-id");
      const { after = last === null || last === "" ? undefined : last } = call.query;
      const place = checkCursor(after === undefined ? {} : { cursor: after });
      const filter = filterOf(call);
      if (!accept.includes("text/event-stream") || !takes(accept, "text/event-stream")) {
        return await page(call, filter, place);
      }
      if (place !== undefined) await changes(call, filter, { after: place, limit: 1 });
      const { eventStream } = await import("../event-stream.ts");
      return eventStream(call, filter, place);
    },
  }),
];

type EventsCall = Call<undefined, Query, undefined>;

function filterOf({ caller, query }: EventsCall): WatchFilter {
  const { after: _, limit: __, wait: ___, ...filter } = query;
  const queue = filteredQueue(caller, filter.queue);
  return { ...filter, ...(queue !== undefined && { queue }) };
}

async function page(
  call: EventsCall,
  filter: WatchFilter,
  place: string | undefined,
): Promise<Response> {
  const { parts, query: { limit = PAGE } } = call;
  const end = await parts.broker.feed.keep();
  const after = place ?? end;
  let found = await changes(call, filter, { after, limit });
  const timeout = waitMs(call, call.query.wait);
  if (found.changes.length === 0 && !found.more && timeout > 0) {
    await news(call, filter, { after: found.cursor, timeout });
    found = await changes(call, filter, { after: found.cursor, limit });
  }
  const { cursor, more } = found;
  return json({ changes: found.changes.map((change) => changeOf(change, found)), cursor, more });
}

/** A stretch of the feed. @throws {ErrandError} `NOT_FOUND` when it is no longer kept. */
async function changes(
  { parts: { broker, tasks } }: EventsCall,
  filter: WatchFilter,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<ChangePage> {
  const found = await broker.feed.changes({ after, query: watchQuery(filter, tasks), limit });
  if (!found.lost) return found;
  throw new ErrandError(
    "NOT_FOUND",
    "Cannot go on after that cursor: what followed it is no longer kept; begin without one, and " +
      "list the jobs",
  );
}

/** Resolves at a change that fits, after the timeout, or when the caller has gone. */
async function news(
  call: EventsCall,
  filter: WatchFilter,
  { after, timeout }: { readonly after: string; readonly timeout: number },
): Promise<void> {
  const { errand, parts: { clock } } = call;
  await waiting(call, async (signal) => {
    const watch = errand.watch(filter, { cursor: after, signal });
    try {
      await before(clock, clock.elapsedMs() + timeout, watch.next());
    } finally {
      await watch.return!();
    }
  });
}
