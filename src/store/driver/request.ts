/**
 * How requests are sent to a server: with a deadline, never sent twice by the runtime itself, and
 * with what the server counts for them.
 *
 * @module
 */
import type { Usage } from "../../broker.ts";
import { ReadIndex } from "./read-index.ts";

/** A `fetch` for a libSQL client, and what its answers have told. */
export interface CountedFetch {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly usage: () => Usage;
}

/** Each request may take `requestTimeoutMs`, the reading of its answer included. */
export function countedFetch(requestTimeoutMs: number): CountedFetch {
  const usage = { rowsRead: 0, rowsWritten: 0, requests: 0 };
  const index = new ReadIndex();
  return {
    usage: () => ({ ...usage }),
    async fetch(request) {
      const signal = AbortSignal.timeout(requestTimeoutMs);
      const body = request.body === null ? {} : unrepeatable(index.tell(await request.text()));
      const { url, method, headers: sent } = request;
      const answer = await fetch(url, { method, headers: sent, signal, ...body });
      const text = await answer.text();
      index.hear(text);
      usage.requests++;
      usage.rowsRead += sum(text, ROWS_READ);
      usage.rowsWritten += sum(text, ROWS_WRITTEN);
      const { status, statusText, headers } = answer;
      return new Response(nullBody(status) ? null : text, { status, statusText, headers });
    },
  };
}

/** Counters of the protocol (Hrana 2 and 3, "StmtResult"); inside a text its quotes are escaped. */
const ROWS_READ = /[{,]"rows_read":(\d+)/g;
const ROWS_WRITTEN = /[{,]"rows_written":(\d+)/g;

function sum(text: string, pattern: RegExp): number {
  let total = 0;
  for (const [, digits] of text.matchAll(pattern)) total += Number(digits);
  return total;
}

function nullBody(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Deno sends a POST again by itself when its connection was closed without an answer (seen with
 * 2.9): not if the body is a stream, which cannot be read twice.
 */
function unrepeatable(text: string): Pick<RequestInit, "body"> {
  if (!("Deno" in globalThis)) return { body: text };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
  return { body, duplex: "half" } as RequestInit;
}
