/**
 * A Cloudflare Worker whose cron triggers run what is due.
 *
 * @example
 * ```ts
 * import { defineTask } from "errand";
 * import { cloudflare } from "errand/triggers/cloudflare";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * const worker = cloudflare({
 *   errand: (env: { LIBSQL_URL: string }) => ({ url: env.LIBSQL_URL, tasks: [greet] }),
 *   fetch: async (_request, { errand }) => Response.json(await errand.enqueue(greet)),
 * });
 * // export default worker;
 * ```
 *
 * @module
 */
import { Errand } from "../errand.ts";
import type { ErrandOptions } from "../options.ts";
import type { RunOptions } from "../run.ts";

/** What Cloudflare passes beside an event, as far as it is used. */
export interface ExecutionContext {
  /** Keeps the Worker alive until the promise has settled. */
  waitUntil(work: Promise<unknown>): void;
}

/** What a request is served with. */
export interface CloudflareContext<Env> extends ExecutionContext {
  /** Opened for this request; closed when the response and all that was kept alive are done. */
  readonly errand: Errand;
  /** The Worker's bindings. */
  readonly env: Env;
}

/** How the Worker works. */
export interface CloudflareOptions<Env> extends RunOptions {
  /** How to open an Errand: for each event anew, as Workers share no connection between them. */
  errand(env: Env): ErrandOptions;
  /** Serves requests. @default 404 */
  fetch?(request: Request, context: CloudflareContext<Env>): Response | Promise<Response>;
}

/** What a Worker's module exports as its default. */
export interface CloudflareWorker<Env> {
  /** Serves a request. */
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response>;
  /** Serves a cron trigger. */
  scheduled(event: unknown, env: Env, context: ExecutionContext): Promise<void>;
}

/** Makes a Worker that serves requests and cron triggers. */
export function cloudflare<Env>(options: CloudflareOptions<Env>): CloudflareWorker<Env> {
  return {
    async fetch(request, env, context) {
      if (options.fetch === undefined) return new Response("Not Found", { status: 404 });
      const errand = await Errand.open(options.errand(env));
      const kept: Promise<unknown>[] = [];
      const waitUntil = (work: Promise<unknown>): void => void kept.push(work);
      try {
        return await options.fetch(request, { errand, env, waitUntil });
      } finally {
        context.waitUntil(closed(errand, kept));
      }
    },
    async scheduled(_event, env, context) {
      const work = runOnce(options, env);
      context.waitUntil(work);
      await work;
    },
  };
}

/** What is kept alive may keep more alive. */
async function closed(errand: Errand, kept: readonly Promise<unknown>[]): Promise<void> {
  for (let seen = 0; seen < kept.length;) {
    const all = kept.slice(seen);
    seen = kept.length;
    await Promise.allSettled(all);
  }
  await errand.close();
}

async function runOnce<Env>(options: CloudflareOptions<Env>, env: Env): Promise<void> {
  await using errand = await Errand.open(options.errand(env));
  await errand.run(options);
}
