/**
 * `Deno.cron`, in a process and on Deno Deploy, runs what is due.
 *
 * @example
 * ```ts
 * import { defineTask } from "errand";
 * import { denoCron } from "errand/triggers/deno";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * const stop = new AbortController();
 * const ended = denoCron({ url: "file:errand.db", tasks: [greet] }, { signal: stop.signal });
 * stop.abort();
 * await ended;
 * ```
 *
 * @module
 */
import { invalid } from "../errors.ts";
import type { RunOptions } from "../run.ts";
import { type ErrandSource, opened } from "./opened.ts";

export type { ErrandSource } from "./opened.ts";

/** `Deno.cron`, as far as it is used. */
export type Cron = (
  name: string,
  schedule: string,
  options: { readonly signal?: AbortSignal },
  run: () => Promise<void>,
) => Promise<void>;

/** When runs begin, and how they go. */
export interface DenoCronOptions extends RunOptions {
  /** When, as five cron fields in UTC. @default "* * * * *", which is each minute */
  readonly schedule?: string;
  /** Where cron comes from. @default Deno.cron */
  readonly cron?: Cron;
}

/**
 * Begins to run at each time of the schedule; resolves when `signal` has aborted and no run goes
 * on. Deno's name for it is "errand" and the name of the run. Call it at the top of a module on
 * Deno Deploy, which finds it there.
 *
 * @throws {ErrandError} `INVALID_INPUT` where there is no `Deno.cron`.
 */
export async function denoCron(source: ErrandSource, options: DenoCronOptions = {}): Promise<void> {
  const { Deno } = globalThis as { readonly Deno?: { readonly cron?: Cron } };
  const { schedule = "* * * * *", name = "default", signal, cron = Deno?.cron } = options;
  if (cron === undefined) {
    throw invalid("Cannot use Deno.cron: it is not here; start Deno with --unstable-cron");
  }
  await cron(`errand ${name}`, schedule, signal === undefined ? {} : { signal }, async () => {
    await opened(source, (errand) => errand.run(options));
  });
}
