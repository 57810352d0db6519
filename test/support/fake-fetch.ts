// A server that is a function: what a client sends, and what it is answered.
import type { Fetch } from "../../src/client/mod.ts";

/** A request as it was sent. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly init: RequestInit;
}

/** A `fetch`, and what it was asked. */
export interface FakeFetch {
  readonly fetch: Fetch;
  readonly sent: Sent[];
}

/** The address that tests connect to. */
export const url = "http://api.test";

/** Answers each request by `answer`; one that never answers ends when the request is given up. */
export function fakeFetch(answer: (sent: Sent) => Response | Promise<Response>): FakeFetch {
  const sent: Sent[] = [];
  return {
    sent,
    async fetch(address, init) {
      const one: Sent = {
        method: init.method ?? "GET",
        path: address.slice(url.length),
        headers: init.headers as Record<string, string>,
        body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
        init,
      };
      sent.push(one);
      const given = new Promise<never>((_, reject) => {
        const abort = (): void => reject(new DOMException("This was aborted", "AbortError"));
        if (init.signal?.aborted) abort();
        init.signal?.addEventListener("abort", abort);
      });
      return await Promise.race([answer(one), given]);
    },
  };
}

/** An answer that never comes. */
export const never: Promise<Response> = new Promise(() => {});

/** A problem as the API tells of it. */
export function problem(
  status: number,
  detail: string,
  rest: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ title: "Problem", status, detail, ...rest }, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
