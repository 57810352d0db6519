/**
 * One bounded run, for places where no process stays: what every trigger calls. It never overlaps
 * itself, in whatever process.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { Clock } from "./clock.ts";
import {
  attempts,
  drainLimits,
  type DrainOptions,
  type DrainSummary,
  joined,
  type RunSummary,
} from "./drain.ts";
import type { Duration } from "./duration.ts";
import type { Events } from "./events.ts";
import { Mark } from "./mark.ts";
import type { Nudge } from "./nudge.ts";
import { Slots } from "./slots.ts";
import { checkName } from "./task.ts";
import type { Tasks } from "./tasks.ts";
import type { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** How a run goes. */
export interface RunOptions extends Pick<DrainOptions, "maxJobs" | "signal"> {
  /** It returns after so long at the latest: what runs then is given back. @default "20s" */
  readonly deadline?: Duration;
  /** Runs of one name never overlap: name them where queues have runs of their own. */
  readonly name?: string;
  /** What its worker is told. */
  readonly worker?: WorkerOptions;
}

/** What a run works with. */
export interface RunHost {
  readonly broker: Pick<Broker, "marks">;
  readonly clock: Clock;
  readonly events: Events;
  readonly tasks: Tasks;
  readonly nudge: Nudge | undefined;
  worker(options: WorkerOptions): Worker;
}

const DEADLINE = "20s";
const LEASE_MS = 30_000;
/** A job is due by the database's clock, and clocks differ: so nobody comes back in no time. */
const COME_BACK_LEAST_MS = 1_000;

/** The runs of one Errand. */
export class Runs {
  readonly #host: RunHost;
  readonly #running = new Set<Promise<unknown>>();

  /** Runs nothing yet. */
  constructor(host: RunHost) {
    this.#host = host;
  }

  /** Runs, unless a run of the same name is under way. */
  async start(options: RunOptions): Promise<RunSummary> {
    const name = checkName(options.name ?? "default", "the name of a run");
    drainLimits(options);
    const { events } = this.#host;
    const running = alone(this.#host, name, options);
    this.#running.add(running);
    try {
      const summary = await running;
      events.emit("ran", summary);
      return summary;
    } catch (error) {
      events.emit("error", { error, during: "run" });
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when none goes on. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

async function alone(host: RunHost, name: string, options: RunOptions): Promise<RunSummary> {
  const { broker: { marks }, clock } = host;
  const stop = new AbortController();
  const lost = (): void => stop.abort();
  const mark = await Mark.take({ marks, clock, leaseMs: LEASE_MS, lost }, `run ${name}`);
  if (mark === undefined) return { ran: false };
  const work = drained(host, options, mark, stop.signal);
  return told(host, await work.finally(() => mark.release()));
}

/** What is enqueued while it runs is done by it, or finds no run under way. */
async function drained(
  { clock, tasks, worker }: RunHost,
  options: RunOptions,
  mark: Mark,
  lost: AbortSignal,
): Promise<DrainSummary> {
  const { worker: of = {}, signal } = options;
  const { deadlineMs, maxJobs } = drainLimits({
    ...options,
    deadline: options.deadline ?? DEADLINE,
  });
  const untilMs = clock.elapsedMs() + deadlineMs;
  const queues = new Slots(of, () => tasks.queues());
  const stop = signal === undefined ? lost : AbortSignal.any([signal, lost]);
  let all: DrainSummary | undefined;
  for (;;) {
    const left = maxJobs - (all === undefined ? 0 : attempts(all));
    const deadline = Math.max(0, untilMs - clock.elapsedMs());
    const done = await worker(of).drain({ deadline, maxJobs: left, signal: stop });
    all = all === undefined ? done : joined(all, done);
    const due = { queues: queues.queues(), later: false };
    if (done.ended !== "empty" || await mark.releaseIdle(due)) return all;
  }
}

function told({ clock, nudge }: RunHost, done: DrainSummary): RunSummary {
  const { nextAt, remaining, ended } = done;
  const summary = { ran: true, ...done } as const;
  if (nextAt === undefined) return { ...summary, nudged: false };
  const aheadMs = nextAt.getTime() - clock.now();
  const rest = ended !== "empty" && remaining.available > 0 && aheadMs <= 0;
  // a run that got nothing done would nudge itself for ever
  const nudged = rest && ended !== "aborted" && nudge !== undefined &&
    attempts(done) > done.released;
  if (nudged) nudge.send();
  return { ...summary, comeBackMs: rest ? 0 : Math.max(COME_BACK_LEAST_MS, aheadMs), nudged };
}
