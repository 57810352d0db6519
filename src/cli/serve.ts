/**
 * `errand serve`: the HTTP API, a worker, schedules and upkeep in one process.
 *
 * @module
 */
import process from "node:process";
import { before, systemClock } from "../clock.ts";
import { Errand } from "../errand.ts";
import { createApi, preloadApi } from "../http/app.ts";
import type { ApiOptions } from "../http/options.ts";
import type { Logger } from "../logger.ts";
import type { VerbOptions } from "../options.ts";
import type { LoadedTasks } from "../process/load-tasks.ts";
import { type HttpTrigger, httpTrigger } from "../triggers/http.ts";
import type { Worker } from "../worker.ts";
import { type Command, command, type Given, misused } from "./command.ts";
import { databaseFlags, logFlags, workerFlags } from "./flags.ts";
import { guarded, isLoopback } from "./guard.ts";
import { type FetchHandler, listen, type Listening } from "./listen.ts";
import { logTo } from "./log.ts";
import { aborted, endSignal } from "./signals.ts";
import { parseTokens, watchedTokens } from "./tokens.ts";
import { level, tasksOf, wholeNumber, workerOptions } from "./values.ts";

const flags = {
  ...databaseFlags,
  "module": {
    value: "FILE",
    group: "Tasks",
    help: "exports the tasks that are run here; without it jobs wait for workers elsewhere",
  },
  "any-task": {
    group: "Tasks",
    help: "lets jobs of other tasks be enqueued too, for workers elsewhere",
  },
  ...workerFlags,
  "port": {
    value: "N",
    group: "Server",
    fallback: "4800",
    help: "what it listens on; 0 takes a free one",
  },
  "host": {
    value: "ADDRESS",
    group: "Server",
    fallback: "127.0.0.1",
    help: "0.0.0.0 lets others in, which needs tokens",
  },
  "token-file": {
    value: "FILE",
    group: "Server",
    help: "the tokens that are accepted, read again when it changes; or as JSON in $ERRAND_TOKENS",
  },
  "trigger-secret": {
    value: "TEXT",
    group: "Server",
    env: "ERRAND_TRIGGER_SECRET",
    help: "lets /run be called by those who know it, or sign with it",
  },
  ...logFlags,
} as const;

type ServeFlags = Given<typeof flags>;

/** `errand serve`. */
export const serve: Command = command({
  name: "serve",
  summary: "the HTTP API, a worker, schedules and upkeep in one process",
  flags,
  about: [
    "Without tokens it serves this machine alone, and refuses any other address. `errand token` " +
    "makes a token.",
    "SIGTERM or SIGINT end it: it accepts nothing more, answers what waits, lets running jobs " +
    "finish within --grace or gives them back, and stores what was done. A second one ends it at " +
    "once.",
  ],
  examples: [
    ["errand serve --module tasks.ts", "serve this machine, and run the tasks of a module"],
    [
      "errand serve --host 0.0.0.0 --token-file tokens.json --any-task",
      "serve everyone who has a token; the workers are elsewhere",
    ],
    [
      "errand serve --url libsql://queue.example.com --module tasks.ts --queues mail=4,images",
      "work for two queues, at most 4 jobs of one of them at once",
    ],
  ],
  async run(given) {
    const ending = endSignal();
    const log = logTo(process.stdout);
    const place = placeOf(given);
    const logLevel = level(given["log-level"]);
    const options = workerOptions(given);
    const access = await accessOf(given, log);
    const loaded = given.module === undefined
      ? { tasks: [] }
      : await tasksOf(given.module, "serve");
    const errand = await opened(given, { ...loaded, logger: log, logLevel });
    const api = createApi(errand, { ...access, ...apiOptions(given, errand), stopping: ending });
    await preloadApi();
    const fetch: FetchHandler = (request) => api.fetch(request);
    const listening = await listen({ ...place, fetch: access.open ? guarded(fetch) : fetch })
      .catch(async (error: unknown) => {
        await errand.close();
        throw error;
      });
    const worker = errand.worker(options);
    if (loaded.tasks.length > 0) await worker.start();
    tell(log, listening, given, loaded, access);
    await aborted(ending);
    log.info(`Ending by ${ending.reason}`);
    await ended({ listening, errand, worker, graceMs: options.grace });
    log.info("Ended");
    return 0;
  },
});

function placeOf({ host, port }: ServeFlags): { hostname: string; port: number } {
  return { hostname: host, port: wholeNumber(port, "port", 0, 65_535) };
}

/** Who may use it. @throws {Refusal} when that would be everyone. */
async function accessOf(
  { host, "token-file": file }: ServeFlags,
  log: Logger,
): Promise<Pick<ApiOptions, "tokens" | "open">> {
  const { ERRAND_TOKENS: text } = process.env;
  if (file !== undefined) return { tokens: await watchedTokens(file, log) };
  if (text) {
    const tokens = parseTokens(text, "ERRAND_TOKENS");
    return { tokens: () => tokens };
  }
  if (isLoopback(host)) return { open: true };
  throw misused(
    `Cannot serve ${host} without tokens: anyone who reaches it could do everything; pass ` +
      `--token-file, for which errand token makes tokens, or serve 127.0.0.1`,
  );
}

function apiOptions(given: ServeFlags, errand: Errand): Pick<ApiOptions, "anyTask" | "run"> {
  const secret = given["trigger-secret"];
  return {
    ...(given["any-task"] && { anyTask: true }),
    ...(secret !== undefined && { run: staying(httpTrigger(errand, { secret })) }),
  };
}

/** Where the process stays a run may go on after its answer: closing waits for it. */
function staying(trigger: HttpTrigger): HttpTrigger {
  return (request) => trigger(request, { waitUntil: () => {} });
}

async function opened(
  { url, "auth-token": authToken }: ServeFlags,
  options: VerbOptions,
): Promise<Errand> {
  return await Errand.open({ ...options, url, ...(authToken !== undefined && { authToken }) });
}

function tell(
  log: Logger,
  { url }: Listening,
  given: ServeFlags,
  { tasks }: LoadedTasks,
  { open }: Pick<ApiOptions, "open">,
): void {
  log.info("Serving", {
    url,
    database: given.url.split("?")[0],
    tasks: tasks.map(({ name }) => name),
    access: open ? "this machine only, as there are no tokens" : "by token",
  });
}

/** Answers what waits while running jobs have their grace, and then closes the database. */
async function ended({ listening, errand, worker, graceMs }: Served): Promise<void> {
  const untilMs = systemClock.elapsedMs() + graceMs;
  const finished = listening.finish().then(() => true);
  const answered = before(systemClock, untilMs, finished);
  await worker.stop({ grace: graceMs });
  if (!await answered) await listening.end();
  await errand.close({ grace: 0 });
}

interface Served {
  readonly listening: Listening;
  readonly errand: Errand;
  readonly worker: Worker;
  readonly graceMs: number;
}
