/**
 * `errand work`: a worker for the tasks of a module.
 *
 * @module
 */
import process from "node:process";
import { Errand } from "../errand.ts";
import { type Detached, startDetached } from "../process/detached.ts";
import { takeUp } from "../process/duty.ts";
import { partsOf } from "../parts.ts";
import { command, type Given, misused } from "./command.ts";
import { databaseFlags, logFlags, workerFlags } from "./flags.ts";
import { logTo } from "./log.ts";
import { endSignal } from "./signals.ts";
import { level, tasksOf, workerOptions } from "./values.ts";

const flags = {
  ...databaseFlags,
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
export const work = command({
  name: "work",
  summary: "a worker for the tasks of a module, over a database",
  flags,
  about: [
    "SIGTERM or SIGINT end it: it claims nothing more, lets running jobs finish within --grace or " +
    "gives them back, and stores what was done. A second one ends it at once.",
  ],
  examples: [
    ["errand work --module tasks.ts", "work until it is asked to end"],
    [
      "errand work --module tasks.ts --detach --drain --single",
      "see to it that what was enqueued is done, and return",
    ],
  ],
  async run(given) {
    const { module } = given;
    if (module === undefined) throw misused("Cannot work: --module is missing");
    if (given.due && !given.drain) throw misused("Cannot use --due: it belongs to --drain");
    return given.detach ? await detached(given, module) : await here(given, module);
  },
});

function options(given: WorkFlags) {
  const { url, "auth-token": authToken, name } = given;
  return {
    worker: { ...workerOptions(given), ...(name !== undefined && { name }) },
    drain: given.due ? "due" as const : given.drain === true,
    single: given.single === true && (name ?? true),
    errand: { url, ...(authToken !== undefined && { authToken }) },
  };
}

async function detached(given: WorkFlags, module: string): Promise<number> {
  const { errand, ...of } = options(given);
  const logFile = given["log-file"];
  const started: Detached = await startDetached({
    ...{ ...errand, ...of, module },
    ...(logFile !== undefined && { logFile }),
  });
  process.stdout.write(
    started.started ? `A worker works in process ${started.pid}\n` : `${ANOTHER}\n`,
  );
  return 0;
}

const ANOTHER = "Another single worker of that name works already";

async function here(given: WorkFlags, module: string): Promise<number> {
  const ending = endSignal();
  const logger = logTo(process.stdout);
  const { worker, drain, single, errand: place } = options(given);
  const logLevel = level(given["log-level"]);
  const loaded = await tasksOf(module, "work");
  await using errand = await Errand.open({ ...place, ...loaded, logger, logLevel });
  const { queues = [...new Set(loaded.tasks.map(({ queue }) => queue))] } = worker;
  const duty = await takeUp({
    ...{ errand, worker, drain, marks: partsOf(errand).broker.marks },
    queues: Array.isArray(queues) ? queues as string[] : Object.keys(queues),
    ...(single !== false && { mark: `worker ${single === true ? "default" : single}` }),
  });
  if (duty === undefined) return logger.info(ANOTHER), 0;
  logger.info("Working", {
    database: place.url.split("?")[0],
    tasks: loaded.tasks.map(({ name }) => name),
  });
  ending.addEventListener("abort", () => {
    logger.info(`Ending by ${ending.reason}`);
    void duty.stop();
  });
  await duty.done;
  logger.info("Ended");
  return 0;
}
