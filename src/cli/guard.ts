/**
 * A server without tokens: only programs of this machine may use it, and no page in its browser.
 *
 * @module
 */
import { problem } from "../http/problem.ts";
import type { FetchHandler } from "./listen.ts";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/** Whether only this machine reaches an address. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** Browsers say so of what a page makes them load, which has no origin (Fetch Metadata, W3C). */
function fromElsewhere(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none";
}

/** Who follows a link to the documentation may read it: it says nothing of the jobs. */
function isLinkToDocs({ method, url, headers }: Request): boolean {
  return method === "GET" && new URL(url).pathname === "/docs" &&
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
}

/**
 * `fetch` for programs of this machine alone. A browser here may be made to ask by pages from
 * elsewhere: it then names another host, whose address was changed to this one's, or their origin.
 */
export function guarded(fetch: FetchHandler): FetchHandler {
  return (request) => {
    const { hostname, origin } = new URL(request.url);
    const from = request.headers.get("origin");
    const isOurs = (from === null || from === origin) &&
      (!fromElsewhere(request.headers) || isLinkToDocs(request));
    if (isLoopback(hostname) && isOurs) return fetch(request);
    const detail = "Cannot answer pages of elsewhere: this server has no tokens";
    return problem({ status: 403, detail, code: "FORBIDDEN" });
  };
}
