/**
 * The calls by which jobs are enqueued, watched and changed, whatever they are stored in.
 *
 * @module
 */
import type { Broker, Usage } from "./broker.ts";
import {
  type EnqueueEntries,
  type EnqueueEntry,
  retryDue,
  type RetryJobOptions,
  type Waited,
  type WaitOptions,
} from "./calls.ts";
import type { Watch, WatchFilter, WatchOptions } from "./change.ts";
import type { RunSummary } from "./drain.ts";
import { durationMs } from "./duration.ts";
import { ErrandError } from "./errors.ts";
import { type EventName, Events, type Listener } from "./events.ts";
import { Feed } from "./feed.ts";
import { HistoryVerbs, hostHistory } from "./history-verbs.ts";
import { newIds } from "./id.ts";
import { Intake } from "./intake.ts";
import { checkId, expectJob, idOf } from "./job-checks.ts";
import { kept } from "./lazy.ts";
import type { EnqueuedJob, Job, LogLine, Stats } from "./job.ts";
import { logEvents } from "./log-events.ts";
import { checkCount, enqueuedJob, knownTask, prepare, type Prepared, termsOf } from "./new-job.ts";
import { Nudge } from "./nudge.ts";
import type { VerbSettings } from "./options.ts";
import type { QueueDefaults } from "./queue-defaults.ts";
import { keepParts } from "./parts.ts";
import { Queues } from "./queues.ts";
import { retentions } from "./retentions.ts";
import type { RunOptions, Runs } from "./run.ts";
import type { PrepareJob } from "./schedule-verbs.ts";
import { Schedules } from "./schedules.ts";
import { Statements } from "./statements.ts";
import type { EnqueueOptions, PayloadArguments, Task } from "./task.ts";
import type { Tasks } from "./tasks.ts";
import type { JoinedTransaction, JoinOptions } from "./transaction.ts";
import { Waiting } from "./waiting.ts";
import { Wake } from "./wake.ts";
import { Worker } from "./worker.ts";
import { Workers } from "./workers.ts";
import type { StopOptions, WorkerHost, WorkerOptions } from "./worker-options.ts";

const runCode = kept(() => import("./run.ts"));

/** Every verb of an Errand. It is opened over a database, or connected to an API over one. */
export abstract class ErrandVerbs extends HistoryVerbs {
  /** Queues, to be paused and resumed. */
  readonly queues: Queues;
  /** Series of jobs. */
  readonly schedules: Schedules;
  /** Workers, wherever they run: to be looked at and ended. */
  readonly workers: Workers;
  /** Jobs as statements, to be enqueued by a batch of your own. */
  readonly statements: Statements;

  readonly #broker: Broker;
  readonly #events: Events;
  readonly #tasks: Tasks;
  readonly #wake: Wake;
  readonly #nudge: Nudge | undefined;
  #runs: Promise<Runs> | undefined;
  readonly #queueDefaults: QueueDefaults;
  /** What its workers share. */
  readonly #host: Omit<WorkerHost, "stopped">;
  readonly #intake: Intake;
  readonly #waiting: Waiting;
  readonly #feed: Feed;
  readonly #workers = new Set<Worker>();
  readonly #closers = new Set<() => Promise<void>>();
  #closed: Promise<void> | undefined;

  /** Made by what opens one. */
  protected constructor(broker: Broker, settings: VerbSettings) {
    super();
    const { clock, tasks, logger, payloadLimitBytes, retentionMs, nextRuns } = settings;
    const queueDefaults = this.#queueDefaults = settings.queues;
    const events = new Events((error, event) =>
      logger.error(`A listener of "${event}" threw`, { error })
    );
    if (settings.logs) logEvents(events, logger);
    const wake = new Wake(clock, broker);
    const host = { broker, clock, events, wake, tasks, nextRuns, payloadLimitBytes, retentionMs };
    this.#host = host;
    this.#broker = broker;
    this.#tasks = tasks;
    this.#events = events;
    this.#wake = wake;
    this.#waiting = new Waiting(host);
    this.#feed = new Feed(host);
    const nudge = this.#nudge = settings.nudge && new Nudge(settings.nudge, host);
    const intake = this.#intake = new Intake({ ...host, nudge });
    keepParts(this, {
      ...{ ...host, queueDefaults, nudge, intake, waiting: this.#waiting, closers: this.#closers },
      works: () => [...this.#workers].some((worker) => worker.started),
    });
    this.queues = new Queues(host);
    this.workers = new Workers(broker, wake);
    this.schedules = new Schedules(host, (entry) => this.#prepareEntry(entry));
    this.statements = new Statements(
      broker,
      (task, payloads, options) =>
        Promise.all(this.#prepareAll(checkCount(payloads), task, options)),
    );
    hostHistory(this, {
      ...host,
      enqueue: async (job) => intake.told([job], await intake.write([job]))[0]!,
    });
  }

  /** Adds tasks; workers serve them at once. @throws {ErrandError} `CONFLICT` for a taken name. */
  register(...tasks: readonly Task[]): void {
    this.#tasks.add(tasks);
    this.#wake.signal("work");
  }

  /**
   * Adds a job; resolves once it is committed. Jobs of one turn of the event loop share a batch.
   * Where a `unique` job is there already, resolves with that one: `enqueued` says "duplicate".
   * With `tx` it resolves once the job is in that transaction, which is yours to commit; if it
   * rejects, roll back. No `enqueued` event tells of such a job.
   *
   * @throws {ErrandError} `INVALID_INPUT` for a payload that its schema refuses or JSON cannot
   * carry, unusable options, or an unknown task; `PAYLOAD_TOO_LARGE`; `DATABASE_BUSY`.
   */
  enqueue<In, Parsed, Result>(
    task: Task<In, Parsed, Result>,
    ...payload: PayloadArguments<In, EnqueueOptions & JoinOptions>
  ): Promise<EnqueuedJob<In, Result>>;
  /** The same by name, for code that does not import the task. */
  enqueue(
    task: string,
    payload?: unknown,
    options?: EnqueueOptions & JoinOptions,
  ): Promise<EnqueuedJob>;
  async enqueue(
    task: Task | string,
    payload?: unknown,
    options?: EnqueueOptions & JoinOptions,
  ): Promise<EnqueuedJob> {
    const known = knownTask(task, this.#tasks);
    const terms = termsOf(known, options, this.#queueDefaults);
    const prepared = prepare(known, terms, payload, this.#host);
    const job = prepared instanceof Promise ? await prepared : prepared;
    if (options?.tx !== undefined) return (await this.#join(options.tx, [job]))[0]!;
    return this.#intake.told([job], await this.#intake.write([job]))[0]!;
  }

  /**
   * Adds up to 10,000 jobs of one task with the same options: all of them or, if one is refused,
   * none.
   */
  enqueueMany<In, Parsed, Result>(
    task: Task<In, Parsed, Result>,
    payloads: readonly NoInfer<In>[],
    options?: EnqueueOptions & JoinOptions,
  ): Promise<EnqueuedJob<In, Result>[]>;
  /** Adds many jobs of any tasks: all of them or, if one is refused, none. */
  enqueueMany<const Ins extends readonly unknown[]>(
    entries: EnqueueEntries<Ins>,
    options?: JoinOptions,
  ): Promise<EnqueuedJob[]>;
  async enqueueMany(
    first: Task | readonly EnqueueEntry[],
    second: readonly unknown[] | JoinOptions = [],
    options?: EnqueueOptions & JoinOptions,
  ): Promise<EnqueuedJob[]> {
    const prepared = Array.isArray(first)
      ? checkCount(first as readonly EnqueueEntry[]).map((entry) => this.#prepareEntry(entry))
      : this.#prepareAll(checkCount(second as readonly unknown[]), first as Task, options);
    const slow = prepared.some((job) => job instanceof Promise);
    const jobs = slow ? await Promise.all(prepared) : prepared as Prepared[];
    if (jobs.length === 0) return [];
    const { tx } = (Array.isArray(first) ? second as JoinOptions : options) ?? {};
    if (tx !== undefined) return await this.#join(tx, jobs);
    return this.#intake.told(jobs, await this.#intake.write(jobs));
  }

  /** The job as it is now, or `undefined` when there is none, or no more. */
  get<In, Result>(job: Job<In, Result>): Promise<Job<In, Result> | undefined>;
  /** The same by id. */
  get(id: string): Promise<Job | undefined>;
  async get(what: Job | string): Promise<Job | undefined> {
    return await this.#broker.get(checkId("get", idOf(what)));
  }

  /** What the job's handlers logged, oldest first. */
  async logs(id: string): Promise<readonly LogLine[]> {
    return await this.#broker.logs(checkId("read the log of", id));
  }

  /**
   * Ends a live job; a running one's signal aborts, here at once and elsewhere with its next
   * heartbeat. Cancelling a cancelled job changes nothing.
   *
   * @throws {ErrandError} `NOT_FOUND`; `CONFLICT` when it has completed or failed.
   */
  async cancel(id: string): Promise<Job> {
    const kept = retentions(this.#tasks, this.#host.retentionMs);
    const result = await this.#broker.cancel(checkId("cancel", id), kept);
    const job = expectJob("cancel", id, result, result.job?.state === "cancelled");
    if (result.changed) {
      this.#events.emit("cancelled", { job });
      this.#wake.signal("end");
    }
    return job;
  }

  /**
   * Makes an ended job live again, with all its attempts before it.
   *
   * @throws {ErrandError} `NOT_FOUND`; `CONFLICT` when it has not ended.
   */
  async retry(id: string, options: RetryJobOptions = {}): Promise<Job> {
    const { runAtMs, delayMs } = retryDue(options, `retry job ${id}`);
    const job = expectJob(
      "retry",
      id,
      await this.#broker.retry(checkId("retry", id), runAtMs, delayMs),
    );
    this.#events.emit("retried", { job });
    this.#wake.signal("work");
    if (job.state === "available") this.#nudge?.send();
    return job;
  }

  /**
   * Removes a job that is not running; resolves with the job as it was.
   *
   * @throws {ErrandError} `NOT_FOUND`; `CONFLICT` when it is running: cancel it first.
   */
  async remove(id: string): Promise<Job> {
    const job = expectJob("remove", id, await this.#broker.remove(checkId("remove", id)));
    this.#events.emit("removed", { job });
    this.#wake.signal("end");
    return job;
  }

  /**
   * Resolves with the job once it has ended, in whatever state, or as it is after `timeout`.
   *
   * @throws {ErrandError} `NOT_FOUND` when there is no such job, or no more.
   */
  wait<In, Result>(job: Job<In, Result>, options?: WaitOptions): Promise<Job<In, Result>>;
  /** The same by id. */
  wait(id: string, options?: WaitOptions): Promise<Job>;
  /**
   * Resolves with these jobs, in this order, once all of them have ended, or as they are after
   * `timeout`. They are looked for together; at most 10,000, given as jobs or ids.
   */
  wait<const Jobs extends readonly (Job | string)[]>(
    jobs: Jobs,
    options?: WaitOptions,
  ): Promise<Waited<Jobs>>;
  async wait(
    what: Job | string | readonly (Job | string)[],
    options: WaitOptions = {},
  ): Promise<Job | Job[]> {
    if (Array.isArray(what)) return await this.#waiting.forAll(what, options);
    return (await this.#waiting.forAll([what as Job | string], options))[0]!;
  }

  /**
   * Changes to jobs, from now on or after `cursor`, in the order of their commits, whichever
   * process made them, each once. It ends with `break`, or when its signal aborts.
   *
   * @throws {ErrandError} `INVALID_INPUT` at once for an unusable filter or cursor; the iteration
   * throws `NOT_FOUND` when what followed the cursor is no longer kept.
   */
  watch(filter: WatchFilter = {}, options: WatchOptions = {}): Watch {
    return this.#feed.watch(filter, options);
  }

  /** How many jobs there are in each state, in all and by queue: no scan of the history. */
  stats(): Promise<Stats> {
    return this.#broker.stats();
  }

  /** A worker for this Errand's tasks. It does nothing until it is started or drained. */
  worker(options: WorkerOptions = {}): Worker {
    if (this.#closed !== undefined) {
      throw new ErrandError("DATABASE_UNAVAILABLE", "Cannot make a worker: this Errand is closed");
    }
    const stopped = (): void => void this.#workers.delete(worker);
    const worker = new Worker({ ...this.#host, stopped }, options);
    this.#workers.add(worker);
    return worker;
  }

  /**
   * One bounded run, for places where no process stays: enqueues what schedules owe, rescues,
   * prunes, and works until nothing is due or a bound is reached. Runs of one `name` never overlap,
   * in whatever process: one that finds another under way does nothing and says so.
   *
   * @throws {ErrandError} what the database answers when it cannot be used.
   */
  async run(options: RunOptions = {}): Promise<RunSummary> {
    return await (await (this.#runs ??= this.#loadRuns())).start(options);
  }

  /**
   * Tells this Errand's workers to look for jobs, and sends the nudge: after the commit of a
   * transaction or batch of your own that added some. Without it workers find them by themselves,
   * in a few milliseconds on a file that was opened by `url`, else within their `pollInterval`.
   */
  wake(): void {
    this.#wake.signal("work");
    this.#wake.signal("change");
    this.#nudge?.send();
  }

  /** What the database server has counted for this Errand; `undefined` where it does not tell. */
  usage(): Usage | undefined {
    return this.#broker.usage?.();
  }

  /** Calls `listener` at each `name` event of this process; returns what ends that. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  /** Stops the workers, finishes what is being written, and closes the database. */
  async close(options: StopOptions = {}): Promise<void> {
    if (options.grace !== undefined) durationMs(options.grace, "grace"); // before anything stops
    await (this.#closed ??= this.#close(options));
  }

  /** Closes, at the end of the scope of `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: StopOptions): Promise<void> {
    await Promise.allSettled([...this.#workers].map((worker) => worker.stop(options)));
    await Promise.allSettled([...this.#closers].map((stop) => stop()));
    await this.#intake.settled();
    await (await this.#runs)?.settled();
    await this.#nudge?.settled();
    this.#feed.close();
    await this.#broker.close();
    this.#wake.signal("end"); // those who wait hear that it is closed
    this.#wake.signal("change");
  }

  async #loadRuns(): Promise<Runs> {
    const worker = (options: WorkerOptions): Worker => this.worker(options);
    try {
      const { Runs } = await runCode();
      return new Runs({ ...this.#host, nudge: this.#nudge, worker });
    } catch (error) {
      this.#runs = undefined; // the next run tries again
      throw error;
    }
  }

  #prepareEntry(entry: Parameters<PrepareJob>[0]): Prepared | Promise<Prepared> {
    const { task, payload, ...options } = entry ?? {}; // what is none names no task
    const known = knownTask(task, this.#tasks);
    return prepare(known, termsOf(known, options, this.#queueDefaults), payload, this.#host);
  }

  #prepareAll(
    payloads: readonly unknown[],
    task: Task | string,
    options: EnqueueOptions | undefined,
  ): (Prepared | Promise<Prepared>)[] {
    const known = knownTask(task, this.#tasks);
    const terms = termsOf(known, options, this.#queueDefaults);
    const ids = newIds(payloads.length);
    return payloads.map((payload, at) => prepare(known, terms, payload, this.#host, ids[at]));
  }

  async #join(tx: JoinedTransaction, jobs: readonly Prepared[]): Promise<EnqueuedJob[]> {
    const answer = await this.#broker.join(tx, jobs);
    return jobs.map((job) => enqueuedJob(job, answer));
  }
}
