/**
 * The options of an Errand, and what they come to once checked.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import { type Duration, durationMs } from "./duration.ts";
import type { EncryptionOptions } from "./encryption/options.ts";
import { checkTask } from "./encryption/searchable.ts";
import { invalid, show } from "./errors.ts";
import { leveled, type Logger, type LogLevel } from "./logger.ts";
import { checkMembers } from "./members.ts";
import { type CheckedNudge, checkedNudge, type NudgeTarget } from "./nudge.ts";
import { DEFAULT_RETENTION_MS } from "./policy.ts";
import { checkQueueDefaults, type QueueDefaults } from "./queue-defaults.ts";
import type { NextRuns } from "./recurrence.ts";
import type { LibsqlClient } from "./store/driver/client.ts";
import type { Synchronous } from "./store/driver/local.ts";
import type { StoreOptions } from "./store/open.ts";
import type { JobPolicy, Retention, Task } from "./task.ts";
import { Tasks } from "./tasks.ts";

/** What every Errand is told, wherever its jobs are stored. */
export interface VerbOptions {
  /** The tasks whose jobs are enqueued or run here; more may be registered later. */
  readonly tasks?: readonly Task[];
  /** The most bytes of JSON that a payload or a result may have. @default 1 MiB */
  readonly payloadLimit?: number;
  /** How long ended jobs stay readable where neither job nor task says so. @default "7d" */
  readonly retention?: Retention;
  /**
   * What jobs of these queues get at their enqueueing here where neither they nor their task says
   * something. @default the defaults of all
   */
  readonly queues?: Readonly<Record<string, JobPolicy>>;
  /** Functions that schedules ask for their next occurrence, by name. */
  readonly nextRuns?: NextRuns;
  /**
   * Whom to tell, after a commit here that enqueued work that is due: an address that runs it, or
   * a function. Sent in the background, at most one at a time; `close` waits for it, and what
   * fails is an `error` event.
   */
  readonly nudge?: NudgeTarget;
  /** Where the library's messages go; without it they go nowhere. */
  readonly logger?: Logger;
  /** Which of them reach the logger. @default "info" */
  readonly logLevel?: LogLevel;
  /** Where time and chance come from: for tests. */
  readonly clock?: Clock;
}

/** How to open an Errand. Either `url` or `client` is needed. */
export interface ErrandOptions extends VerbOptions {
  /** `"file:errand.db"`, `":memory:"`, or the address of a libSQL server. */
  readonly url?: string;
  /** A libSQL client of your own, instead of `url`; it stays yours to close. */
  readonly client?: LibsqlClient;
  /** The token for a server. */
  readonly authToken?: string;
  /**
   * For `file:` URLs, what an acknowledged call survives. `"full"`: the process being killed, and
   * power loss. `"normal"`: the process being killed; power loss may take the last moments'
   * commits, but never damages the file. Faster. @default "full"
   */
  readonly synchronous?: Synchronous;
  /** How long a call waits for other writers, then fails with `DATABASE_BUSY`. @default "10s" */
  readonly busyTimeout?: Duration;
  /**
   * How long one request to a server may take. A call whose request fails on the way sends it
   * again, for up to three times this long, and then fails with `DATABASE_UNAVAILABLE`.
   * @default "10s"
   */
  readonly requestTimeout?: Duration;
  /** Encrypts payloads, results, errors, progress and logs. @default they are stored in plain */
  readonly encryption?: EncryptionOptions;
}

const PAYLOAD_LIMIT_BYTES = 1024 * 1024;

/** {@linkcode VerbOptions}, checked. */
export interface VerbSettings {
  readonly tasks: Tasks;
  readonly queues: QueueDefaults;
  readonly nextRuns: NextRuns;
  readonly logger: Logger;
  readonly logs: boolean;
  readonly payloadLimitBytes: number;
  readonly retentionMs: number | null;
  readonly nudge?: CheckedNudge;
  readonly clock: Clock;
}

/** {@linkcode ErrandOptions}, checked. */
export interface Settings extends VerbSettings {
  readonly store: StoreOptions;
  /** As it was given. */
  readonly encryption?: EncryptionOptions;
}

const OPTIONS: readonly string[] = Object.keys(
  {
    ...{ url: 1, client: 1, authToken: 1, tasks: 1, synchronous: 1, busyTimeout: 1 },
    ...{ requestTimeout: 1, payloadLimit: 1, retention: 1, queues: 1, nextRuns: 1, nudge: 1 },
    ...{ encryption: 1, logger: 1, logLevel: 1, clock: 1 },
  } satisfies Record<keyof ErrandOptions, 1>,
);

/** Checks everything that can be checked without the database, but for keys. */
export function checkedSettings(options: ErrandOptions): Settings {
  checkMembers(options, OPTIONS, "the options of an Errand");
  const { encryption } = options;
  return {
    ...verbSettings(options, encryption && checkTask),
    store: storeOptions(options),
    ...(encryption !== undefined && { encryption }),
  };
}

/** Checks what is not about the database; `check` throws for a task that cannot be used. */
export function verbSettings(options: VerbOptions, check?: (task: Task) => void): VerbSettings {
  const { tasks = [], payloadLimit = PAYLOAD_LIMIT_BYTES, retention } = options;
  if (!(Number.isInteger(payloadLimit) && payloadLimit > 0)) {
    throw invalid(`Cannot use ${show(payloadLimit)} as payloadLimit: it is a number of bytes`);
  }
  const known = new Tasks(check);
  known.add(tasks);
  const retentionMs = retention === undefined
    ? DEFAULT_RETENTION_MS
    : retention === "forever"
    ? null
    : durationMs(retention, "retention");
  return {
    tasks: known,
    queues: checkQueueDefaults(options.queues ?? {}),
    nextRuns: checkedNextRuns(options.nextRuns ?? {}),
    logger: leveled(options.logger, options.logLevel ?? "info"),
    logs: options.logger !== undefined,
    payloadLimitBytes: payloadLimit,
    retentionMs,
    ...(options.nudge !== undefined && { nudge: checkedNudge(options.nudge) }),
    clock: options.clock ?? systemClock,
  };
}

function checkedNextRuns(functions: NextRuns): NextRuns {
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value === "function") continue;
    throw invalid(`Cannot use ${show(value)} as nextRuns.${name}: it is a function`);
  }
  return functions;
}

function storeOptions(options: ErrandOptions): StoreOptions {
  const { url, client, authToken, synchronous = "full", busyTimeout = "10s" } = options;
  const requestTimeoutMs = durationMs(options.requestTimeout ?? "10s", "requestTimeout");
  if (requestTimeoutMs === 0) {
    throw invalid("Cannot use 0 as requestTimeout: no request could be answered in no time");
  }
  if ((url === undefined) === (client === undefined)) {
    throw invalid("Cannot open an Errand: pass either url or client");
  }
  if (authToken !== undefined && typeof authToken !== "string") {
    throw invalid("Cannot use the given authToken: it is no text");
  }
  if (synchronous !== "full" && synchronous !== "normal") {
    throw invalid(`Cannot use ${show(synchronous)} as synchronous: it is "full" or "normal"`);
  }
  return {
    ...(url !== undefined && { url }),
    ...(client !== undefined && { client }),
    ...(authToken !== undefined && { authToken }),
    synchronous,
    busyTimeoutMs: durationMs(busyTimeout, "busyTimeout"),
    requestTimeoutMs,
    clock: options.clock ?? systemClock,
  };
}
