/**
 * What a detached worker is told, and what it answers: files of a folder that both know, so that
 * neither needs the other to live on.
 *
 * @module
 */
import { type Duration, durationMs } from "../duration.ts";
import { type ErrandError, type ErrorCode, invalid, show } from "../errors.ts";
import { checkedSettings, type ErrandOptions } from "../options.ts";
import { checkName } from "../task.ts";
import { checkedWorkerOptions, type WorkerOptions } from "../worker-options.ts";

/** How to start a worker in a process of its own. */
export interface DetachedOptions extends
  Pick<
    ErrandOptions,
    | "authToken"
    | "encryption"
    | "synchronous"
    | "busyTimeout"
    | "requestTimeout"
    | "payloadLimit"
    | "retention"
  > {
  /** The database; not one in memory. */
  readonly url: string;
  /**
   * The module that exports the tasks, alone or in arrays; a path is taken from the current
   * folder. Its export `nextRuns`, if there is one, is for schedules.
   */
  readonly module: string | URL;
  /**
   * When it ends by itself: `true` when its queues hold no live job any more, `"due"` when none is
   * due, `false` never. @default false
   */
  readonly drain?: boolean | "due";
  /** Whether at most one such worker runs; a name tells several of them apart. @default false */
  readonly single?: boolean | string;
  /** What the worker is told. Its `lease` is also how long a killed single worker is waited for. */
  readonly worker?: WorkerOptions;
  /** A file that what the process prints is added to. @default nothing is kept */
  readonly logFile?: string;
  /**
   * The runtime's arguments before the file. @default those of this process, on Deno
   * `["run", "-A"]`
   */
  readonly execArgv?: readonly string[];
  /** How long the process may take to begin. @default "30s" */
  readonly timeout?: Duration;
}

/** What the process is told. */
export interface Order {
  readonly module: string;
  readonly errand: Omit<ErrandOptions, "tasks"> & { readonly url: string };
  readonly worker: WorkerOptions;
  readonly drain: boolean | "due";
  readonly mark?: string;
}

/** What the process answers once it knows. */
export type Answer =
  | { readonly started: boolean }
  | { readonly code: ErrorCode; readonly message: string; readonly stack?: string };

/**
 * Checks what can be checked before there is a process; `moduleUrl` makes a path into a URL.
 *
 * @throws {ErrandError} `INVALID_INPUT`
 */
export function checkedOrder(
  options: DetachedOptions,
  moduleUrl: (path: string) => string,
): Order {
  const { url, module, drain = false, single = false, worker = {} } = options;
  const { authToken, encryption, synchronous, busyTimeout, requestTimeout } = options;
  const { payloadLimit, retention } = options;
  if (url === ":memory:") {
    throw refused("its database is in memory, where no other process sees it; name a file");
  }
  if (!(typeof module === "string" && module !== "") && !(module instanceof URL)) {
    throw refused(`module is ${show(module)}, not the path or URL of one that exports tasks`);
  }
  if (typeof drain !== "boolean" && drain !== "due") {
    throw refused(`drain is ${show(drain)}, not true, "due" or false`);
  }
  const given = {
    ...{ authToken, encryption, synchronous, busyTimeout, requestTimeout },
    ...{ payloadLimit, retention },
  };
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  const errand: Order["errand"] = { url, ...Object.fromEntries(said) };
  checkedSettings(errand);
  checkedWorkerOptions(worker);
  if (options.timeout !== undefined) durationMs(options.timeout, "timeout");
  const mark = markOf(single);
  return {
    module: isUrl(module) ? String(module) : moduleUrl(module),
    ...{ errand, worker, drain },
    ...(mark !== undefined && { mark }),
  };
}

/** The order as text: bytes, of which keys may be made, as base64. */
export function orderText(order: Order): string {
  return JSON.stringify(
    order,
    (_, value: unknown) =>
      value instanceof Uint8Array ? btoa(String.fromCharCode(...value)) : value,
  );
}

function refused(fact: string): ErrandError {
  return invalid(`Cannot start a detached worker: ${fact}`);
}

function markOf(single: boolean | string): string | undefined {
  if (single === false) return undefined;
  return `worker ${checkName(single === true ? "default" : single, "single")}`;
}

function isUrl(module: string | URL): module is URL {
  return module instanceof URL || /^[a-z][a-z\d+.-]+:/i.test(module);
}
