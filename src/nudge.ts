/**
 * A nudge: told after a commit that there is work, to whom no process of its own would look.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { type Duration, durationMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import type { Events } from "./events.ts";
import { newId } from "./id.ts";
import type { EnqueuedJob } from "./job.ts";
import { signedHeaders } from "./signature.ts";

/** Where a nudge goes. */
export interface NudgeOptions {
  /** An `http:` or `https:` address. It is the only one that is called: redirects are errors. */
  readonly url: string | URL;
  /** What the nudge is signed with, for `triggers/http`. @default it is not signed */
  readonly secret?: string;
  /** How long an answer is waited for. @default "10s" */
  readonly timeout?: Duration;
}

/** Where a nudge goes, or what sends it: it is done when its promise settles. */
export type NudgeTarget = string | URL | NudgeOptions | (() => unknown);

/** A {@linkcode NudgeTarget}, checked. */
export type CheckedNudge = (() => unknown) | {
  readonly url: string;
  readonly secret?: string;
  readonly timeoutMs: number;
};

/** Checks where a nudge goes. @throws {ErrandError} `INVALID_INPUT` */
export function checkedNudge(target: NudgeTarget): CheckedNudge {
  if (typeof target === "function") return target;
  const options = typeof target === "string" || target instanceof URL ? { url: target } : target;
  const { url, secret, timeout = "10s" } = options ?? {};
  if (secret !== undefined && (typeof secret !== "string" || secret === "")) {
    throw invalid("Cannot sign nudges: secret is no text, or an empty one");
  }
  return {
    url: checkedUrl(url),
    timeoutMs: durationMs(timeout, "timeout"),
    ...(secret !== undefined && { secret }),
  };
}

function checkedUrl(given: unknown): string {
  try {
    const url = new URL(given as string | URL);
    const plain = url.username === "" && url.password === "";
    if (plain && /^https?:$/.test(url.protocol)) return url.href;
  } catch {
    // it is none, which the error below says
  }
  throw invalid(
    `Cannot nudge ${show(given)}: it is no http: or https: address without a user's name; ` +
      `pass one, { url, secret }, or a function`,
  );
}

/** Whether a job that was just enqueued is news to those who work elsewhere. */
export function isDue({ enqueued, state }: EnqueuedJob): boolean {
  return enqueued === "inserted" && state === "available";
}

/** Sends nudges: at most one is on its way, and one waits. */
export class Nudge {
  readonly #target: CheckedNudge;
  readonly #host: { readonly clock: Clock; readonly events: Events };
  #sending: Promise<void> | undefined;
  #again = false;

  /** Sends nothing yet. */
  constructor(target: CheckedNudge, host: { readonly clock: Clock; readonly events: Events }) {
    this.#target = target;
    this.#host = host;
  }

  /** There is news; failures are `error` events. */
  send(): void {
    this.#again = true;
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when none is on its way and none waits. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        await this.#send();
      } catch (error) {
        this.#host.events.emit("error", { error, during: "nudge" });
      }
    }
    this.#sending = undefined;
  }

  async #send(): Promise<void> {
    const target = this.#target;
    if (typeof target === "function") return void await target();
    const { clock } = this.#host;
    const { url, secret, timeoutMs } = target;
    const late = new AbortController();
    const cancel = clock.timer(timeoutMs, () => late.abort());
    try {
      const signed = { id: newId(), atMs: clock.now(), body: "" };
      const headers = {
        prefer: "respond-async", // it need not be told what came of the run
        ...(secret !== undefined && await signedHeaders(secret, signed)),
      };
      const answer = await fetch(url, {
        method: "POST",
        ...{ headers, redirect: "manual", signal: late.signal },
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    } catch (cause) {
      const fact = late.signal.aborted ? `no answer in ${timeoutMs} ms` : cause;
      throw new Error(`Cannot nudge ${place(url)}: ${fact}`, { cause });
    } finally {
      cancel();
    }
  }
}

/** A query may hold what is secret. */
function place(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
