/**
 * How requests are sent: each with a deadline, and again when nobody can know what became of it.
 *
 * @module
 */
import { sleep, systemClock } from "../clock.ts";
import { ErrandError } from "../errors.ts";
import { newId } from "../id.ts";
import { type Answer, readAnswer, unavailable } from "./answer.ts";
import type { RequestSettings } from "./options.ts";

/** A request. */
export interface Ask {
  /** @default "GET", or "POST" with a body */
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** What stands behind the "?"; what is undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** A text is JSON already. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the server was asked to wait. @default 0 */
  readonly waitMs?: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
  /** Whoever asks will ask again by itself. @default false */
  readonly once?: boolean;
  /** Called when nobody knows what became of it, before it is sent again. */
  readonly repeats?: () => void;
}

/** A call goes on trying for so many times the time of one request. */
const PATIENCE_REQUESTS = 3;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Sends requests to one API. Every one of them may arrive twice: jobs, leases and the rest have ids
 * that are made here. So it does no harm either that a runtime repeats one by itself.
 */
export class Requests {
  readonly #settings: RequestSettings;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #flying = new Set<AbortController>();
  readonly #closing = new AbortController();

  /** Sends nothing yet. */
  constructor(settings: RequestSettings) {
    const { token } = settings;
    this.#settings = settings;
    this.#headers = {
      accept: "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  /**
   * What the API answers; `undefined` where that has no body.
   *
   * @throws {ErrandError} what the API says, or `DATABASE_UNAVAILABLE`.
   */
  async send<Value>(path: string, ask: Ask = {}): Promise<Value> {
    const { url, requestTimeoutMs } = this.#settings;
    const { waitMs = 0, once = false, signal } = ask;
    const untilMs = systemClock.elapsedMs() + waitMs + PATIENCE_REQUESTS * requestTimeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const answer = await this.#try(path, ask);
      if ("value" in answer) return answer.value as Value;
      if ("refused" in answer) throw answer.refused;
      const restMs = Math.max(answer.afterMs, pauseMs * (0.5 + systemClock.random()));
      if (once || systemClock.elapsedMs() + restMs >= untilMs) throw answer.failed;
      ask.repeats?.();
      await sleep(systemClock, restMs, signal ?? this.#closing.signal);
      signal?.throwIfAborted();
      if (this.#closing.signal.aborted) throw closedError(url);
    }
  }

  /** Gives up what is under way, and refuses whatever comes after it. */
  close(): void {
    this.#closing.abort();
    for (const controller of this.#flying) controller.abort();
  }

  async #try(path: string, ask: Ask): Promise<Answer> {
    const { url, requestTimeoutMs } = this.#settings;
    const { waitMs = 0, signal } = ask;
    if (this.#closing.signal.aborted) throw closedError(url);
    signal?.throwIfAborted();
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const limitMs = requestTimeoutMs + waitMs;
    let late = false;
    const cancel = systemClock.timer(limitMs, () => {
      late = true;
      abort();
    });
    this.#flying.add(controller);
    signal?.addEventListener("abort", abort);
    try {
      const init = { ...this.#init(ask), signal: controller.signal };
      return await readAnswer(url, await this.#settings.fetch(address(url, path, ask), init));
    } catch (error) {
      if (this.#closing.signal.aborted) throw closedError(url, error);
      signal?.throwIfAborted();
      const fact = late ? `it did not answer within ${limitMs} ms` : reason(error);
      return { failed: unavailable(url, fact, error), afterMs: 0 };
    } finally {
      cancel();
      signal?.removeEventListener("abort", abort);
      this.#flying.delete(controller);
    }
  }

  #init({ method, body, headers }: Ask): RequestInit {
    if (body === undefined) {
      return { method: method ?? "GET", headers: { ...this.#headers, ...headers }, redirect };
    }
    return {
      method: method ?? "POST",
      headers: { ...this.#headers, "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      redirect,
    };
  }
}

/** A POST would arrive as a GET there, and the token at whoever that is. */
const redirect = "manual";

/** What a request is known by when it is sent again. */
export function ownKey(): Readonly<Record<string, string>> {
  return { "idempotency-key": newId() };
}

/** `name` as a part of a path. */
export function segment(name: string): string {
  if (name !== "." && name !== "..") return encodeURIComponent(name);
  throw new ErrandError("INVALID_INPUT", `Cannot use "${name}" in an address: it means a folder`);
}

/** Names as one text of a query, with commas between them, and none in them. */
export function listed(names: Iterable<string>): string {
  return [...names].map((name) => name.replace(/[%,]/g, encodeURIComponent)).join();
}

function address(url: string, path: string, { query = {} }: Ask): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${encodeURIComponent(value)}`
  );
  return `${url}${path}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** What a runtime says of a connection is often in the cause. */
function reason(error: unknown): string {
  const { message, cause } = error as { readonly message?: string; readonly cause?: unknown };
  const deeper = (cause as { readonly message?: string; readonly code?: string } | undefined) ?? {};
  return [message ?? String(error), deeper.message || deeper.code].filter(Boolean).join(": ");
}

function closedError(url: string, cause?: unknown): ErrandError {
  return unavailable(url, "this client is closed", cause);
}
