/**
 * `errand work`: a worker for the tasks of a module.
 *
 * @module
 */
import process from "node:process";
import { connect } from "../client/mod.ts";
import { systemClock } from "../clock.ts";
import { Errand } from "../errand.ts";
import type { ErrandError } from "../errors.ts";
import type { VerbOptions } from "../options.ts";
import { type Detached, startDetached } from "../process/detached.ts";
import { takeUp } from "../process/duty.ts";
import { partsOf } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { type Command, command, type Given, misused } from "./command.ts";
import { databaseFlags, logFlags, workerFlags } from "./flags.ts";
import { logTo } from "./log.ts";
import { aborted, endSignal } from "./signals.ts";
import { level, tasksOf, workerOptions } from "./values.ts";

const flags = {
  ...databaseFlags,
  "server": {
    value: "URL",
    group: "Server",
    help: "works over the HTTP API there, in place of a database",
  },
  "token": {
    value: "TOKEN",
    group: "Server",
    env: "ERRAND_TOKEN",
    help: "what that server asks for",
  },
  "module": { value: "FILE", group: "Tasks", help: "exports the tasks; it must be given" },
  ...workerFlags,
  "name": { value: "NAME", group: "Worker", help: "how others see it" },
  "drain": { group: "Worker", help: "ends when its queues hold no live job any more" },
  "due": { group: "Worker", help: "with --drain: ends when none is due, and leaves later ones" },
  "single": { group: "Worker", help: "does nothing where another single one of its name works" },
  "detach": { group: "Process", help: "works in a process of its own, and returns when it does" },
  "log-file": { value: "FILE", group: "Process", help: "with --detach: where its messages go" },
  ...logFlags,
} as const;

type WorkFlags = Given<typeof flags>;

/** `errand work`. */
export const work: Command = command({
  name: "work",
  summary: "a worker for the tasks of a module, over a database or a server",
  flags,
  about: [
    "SIGTERM or SIGINT end it: it claims nothing more, lets running jobs finish within --grace " +
    "or gives them back, and stores what was done. A second one ends it at once.",
  ],
  examples: [
    ["errand work --module tasks.ts", "work until it is asked to end"],
    [
      "errand work --module tasks.ts --detach --drain --single",
      "see to it that what was enqueued is done, and return",
    ],
    [
      "errand work --module tasks.ts --server https://jobs.example.com",
      "work over the HTTP API of errand serve",
    ],
  ],
  async run(given) {
    const { module } = given;
    if (module === undefined) throw misused("Cannot work: --module is missing");
    if (given.server !== undefined && given.detach) {
      throw misused(
        "Cannot use --detach: a process of its own works over a database, not --server",
      );
    }
    if (given.due && !given.drain) throw misused("Cannot use --due: it belongs to --drain");
    return given.detach ? await detached(given, module) : await here(given, module);
  },
});

function options(given: WorkFlags) {
  const { name } = given;
  return {
    worker: { ...workerOptions(given), ...(name !== undefined && { name }) },
    drain: given.due ? "due" as const : given.drain === true,
    single: given.single === true && (name ?? true),
  };
}

function databaseOf({ url, "auth-token": authToken }: WorkFlags) {
  return { url, ...(authToken !== undefined && { authToken }) };
}

async function detached(given: WorkFlags, module: string): Promise<number> {
  const logFile = given["log-file"];
  const started: Detached = await startDetached({
    ...{ ...databaseOf(given), ...options(given), module },
    ...(logFile !== undefined && { logFile }),
  });
  process.stdout.write(
    started.started ? `A worker works in process ${started.pid}\n` : `${ANOTHER}\n`,
  );
  return 0;
}

/** Whoever starts a worker should not wonder for longer why it does nothing. */
const LATE_MS = 2_000;
const ANOTHER = "Another single worker of that name works already";

async function here(given: WorkFlags, module: string): Promise<number> {
  const ending = endSignal();
  const logger = logTo(process.stdout);
  const { worker, drain, single } = options(given);
  const logLevel = level(given["log-level"]);
  const loaded = await tasksOf(module, "work");
  await using errand = await opened(given, { ...loaded, logger, logLevel });
  const { queues: served = [...new Set(loaded.tasks.map(({ queue }) => queue))] } = worker;
  const queues = Array.isArray(served) ? served as string[] : Object.keys(served);
  await checkAccess(
    partsOf(errand),
    queues,
    () => logger.warn("There is no answer yet, and it is asked again", whereOf(given)),
  );
  const duty = await takeUp({
    ...{ errand, worker, drain, queues, marks: partsOf(errand).broker.marks },
    ...(single !== false && { mark: `worker ${single === true ? "default" : single}` }),
  });
  if (duty === undefined) return logger.info(ANOTHER), 0;
  logger.info("Working", {
    ...whereOf(given),
    tasks: loaded.tasks.map(({ name }) => name),
  });
  void aborted(ending).then(() => {
    logger.info(`Ending by ${ending.reason}`);
    return duty.stop();
  }).catch(() => {}); // what `done` rejects with
  await duty.done;
  logger.info("Ended");
  return 0;
}

function whereOf({ server, url }: WorkFlags): Readonly<Record<string, unknown>> {
  return server === undefined ? { database: url.split("?")[0] } : { server };
}

async function opened(given: WorkFlags, options: VerbOptions): Promise<ErrandVerbs> {
  const { server, token } = given;
  if (server === undefined) return await Errand.open({ ...databaseOf(given), ...options });
  return connect({ ...options, url: server, ...(token !== undefined && { token }) });
}

/** A server that does not answer yet is waited for; one that refuses this worker is not. */
async function checkAccess(
  { broker }: ReturnType<typeof partsOf>,
  queues: readonly string[],
  isLate: () => void,
): Promise<void> {
  const cancel = systemClock.timer(LATE_MS, isLate);
  try {
    await broker.glimpse(queues);
  } catch (error) {
    const { code } = error as Partial<ErrandError>;
    if (code === "UNAUTHORIZED" || code === "FORBIDDEN" || code === "NOT_FOUND") throw error;
  } finally {
    cancel();
  }
}
