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
  call: Pick<Call, "errand" | "parts" | "request" | "settings" | "caller">,
  filter: WatchFilter,
  cursor: string | undefined,
): Promise<Response> {
  const { errand, parts: { clock }, request } = call;
  if (request.method === "HEAD") return new Response(null, { headers: HEADERS });
  const gone = new AbortController(); // one whose token is taken away, or changed, asks again
  const { signal, release } = waitSignal(call, gone.signal);
  const may = async (): Promise<void> => {
    if (!await isStillAllowed(call)) gone.abort();
  };
  try {
    const watch = errand.watch(filter, { signal, ...(cursor !== undefined && { cursor }) });
    await watch.begun;
    return new Response(streamOf({ watch, clock, may, release }), { headers: HEADERS });
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether the caller may do today what it might when it came. */
async function isStillAllowed(
  { request, settings, caller }: Pick<Call, "request" | "settings" | "caller">,
): Promise<boolean> {
  try {
    return JSON.stringify(await settings.auth.caller(request.headers)) === JSON.stringify(caller);
  } catch {
    return false;
  }
}

interface Streamed {
  readonly watch: Watch;
  readonly clock: Clock;
  /** Looks whether the stream may go on, and ends it otherwise. */
  may(): Promise<void>;
  release(): void;
}

function streamOf({ watch, clock, may, release }: Streamed): ReadableStream<Uint8Array> {
  let endBeats = (): void => {};
  const end = (): void => {
    endBeats();
    release();
  };
  return new ReadableStream({
    start(stream) {
      stream.enqueue(ENCODER.encode(`retry: 1000\nid: ${watch.cursor}\n\n`));
      endBeats = beating(stream, watch, clock, may);
    },
    async pull(stream) {
      try {
        const { done, value } = await watch.next();
        if (!done) return stream.enqueue(event(value.event, value, value.cursor));
      } catch (error) {
        stream.enqueue(event("problem", await problemOf(error).json()));
      }
      end();
      stream.close();
    },
    async cancel() {
      end();
      await watch.return!();
    },
  });
}

/** While nothing else waits to be read, comments; they tell how far it was looked in vain. */
function beating(
  stream: ReadableStreamDefaultController<Uint8Array>,
  watch: Watch,
  clock: Clock,
  may: () => Promise<void>,
): () => void {
  let cancel = (): void => {};
  const beat = (): void => {
    cancel = clock.timer(HEARTBEAT_MS, () => {
      if ((stream.desiredSize ?? 0) > 0) {
        stream.enqueue(ENCODER.encode(`:\nid: ${watch.cursor}\n\n`));
      }
      beat();
      void may();
    });
  };
  beat();
  return () => cancel();
}

function event(name: string, data: unknown, id?: string): Uint8Array {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return ENCODER.encode(`${head}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
