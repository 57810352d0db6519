/**
 * Changes to jobs as server-sent events (https://html.spec.whatwg.org/#server-sent-events).
 *
 * @module
 */
import type { Watch, WatchFilter } from "../change.ts";
import type { Clock } from "../clock.ts";
import { SECURE } from "./answer.ts";
import { problemOf } from "./problem.ts";
import type { Call } from "./route.ts";
import { waitSignal } from "./wait.ts";

/** So often something is sent, so that nobody on the way takes the stream for dead. */
const HEARTBEAT_MS = 15_000;
const HEADERS = {
  ...SECURE,
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};
const ENCODER = new TextEncoder();

/** The stream of changes that fit `filter`, from now on or after `cursor`. */
export async function eventStream(
  call: Pick<Call, "errand" | "parts" | "request" | "settings">,
  filter: WatchFilter,
  cursor: string | undefined,
): Promise<Response> {
  const { errand, parts: { clock }, request } = call;
  if (request.method === "HEAD") return new Response(null, { headers: HEADERS });
  const signal = waitSignal(call);
  const watch = errand.watch(filter, { signal, ...(cursor !== undefined && { cursor }) });
  await watch.begun;
  return new Response(streamOf(watch, clock), { headers: HEADERS });
}

function streamOf(watch: Watch, clock: Clock): ReadableStream<Uint8Array> {
  let endBeats = (): void => {};
  return new ReadableStream({
    start(stream) {
      stream.enqueue(ENCODER.encode(`retry: 1000\nid: ${watch.cursor}\n\n`));
      endBeats = beating(stream, watch, clock);
    },
    async pull(stream) {
      try {
        const { done, value } = await watch.next();
        if (!done) return stream.enqueue(event(value.event, value, value.cursor));
      } catch (error) {
        stream.enqueue(event("problem", await problemOf(error).json()));
      }
      endBeats();
      stream.close();
    },
    async cancel() {
      endBeats();
      await watch.return!();
    },
  });
}

/** While nothing else waits to be read, comments; they tell how far it was looked in vain. */
function beating(
  stream: ReadableStreamDefaultController<Uint8Array>,
  watch: Watch,
  clock: Clock,
): () => void {
  let cancel = (): void => {};
  const beat = (): void => {
    cancel = clock.timer(HEARTBEAT_MS, () => {
      if ((stream.desiredSize ?? 0) > 0) {
        stream.enqueue(ENCODER.encode(`:\nid: ${watch.cursor}\n\n`));
      }
      beat();
    });
  };
  beat();
  return () => cancel();
}

function event(name: string, data: unknown, id?: string): Uint8Array {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return ENCODER.encode(`${head}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
