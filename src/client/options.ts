/**
 * How to reach an API, checked.
 *
 * @module
 */
import { type Duration, durationMs } from "../duration.ts";
import { invalid, show } from "../errors.ts";
import type { VerbOptions } from "../options.ts";

/** What sends a request: the runtime's own `fetch`, or one that stands in for it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where the API is, and how to talk to it. */
export interface ConnectOptions extends VerbOptions {
  /** Where the API is mounted: `"https://jobs.example.com"`, or `"https://example.com/errand"`. */
  readonly url: string;
  /** The token that the server knows; its scopes say what this client may do. */
  readonly token?: string;
  /** Sends the requests. @default the runtime's `fetch` */
  readonly fetch?: Fetch;
  /**
   * How long one request may take, beside the time for which the server was asked to wait. A call
   * whose request fails on the way sends it again, for up to three times this long, and then fails
   * with `DATABASE_UNAVAILABLE`. @default "10s"
   */
  readonly requestTimeout?: Duration;
}

/** {@linkcode ConnectOptions}, checked, as far as requests go. */
export interface RequestSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token?: string;
  readonly fetch: Fetch;
  readonly requestTimeoutMs: number;
}

/** Checks where to send requests, and how. */
export function requestSettings(options: ConnectOptions): RequestSettings {
  const { url, token, requestTimeout = "10s" } = options;
  const requestTimeoutMs = durationMs(requestTimeout, "requestTimeout");
  if (requestTimeoutMs === 0) {
    throw invalid("Cannot use 0 as requestTimeout: no request could be answered in no time");
  }
  if (token !== undefined && !(typeof token === "string" && /^[\x21-\x7e]+$/.test(token))) {
    throw invalid("Cannot use the token: it is a text without spaces"); // which is not shown
  }
  const send = options.fetch ?? ((address, init) => fetch(address, init));
  return {
    url: checkedUrl(url),
    fetch: send,
    requestTimeoutMs,
    ...(token !== undefined && { token }),
  };
}

function checkedUrl(text: string): string {
  if (!URL.canParse(text)) throw invalid(`Cannot connect to ${show(text)}: it is no URL`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw invalid(
      `Cannot connect to ${show(text)}: an API is reached by http or https; a database is opened ` +
        `by Errand.open`,
    );
  }
  if (url.username + url.password + url.search + url.hash !== "") {
    throw invalid(
      `Cannot connect to ${url.origin}: its URL has a path at most; credentials go into token`,
    );
  }
  return url.href.replace(/\/+$/, "");
}
