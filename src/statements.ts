/**
 * Statements that enqueue, for a batch of the caller's.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { Prepared } from "./new-job.ts";
import type { SqlStatement } from "./statement.ts";
import type { EnqueueOptions, PayloadArguments, Task } from "./task.ts";

/** One job as statements. */
export interface JobStatements {
  /** The id that the job will have, unless a unique one like it is there by then. */
  readonly id: string;
  /** What adds it; run all of them in one batch or transaction. */
  readonly statements: SqlStatement[];
}

/** Several jobs as statements. */
export interface JobsStatements {
  /** The ids that the jobs will have, in their order, unless unique ones are there by then. */
  readonly ids: readonly string[];
  /** What adds them; run all of them in one batch or transaction. */
  readonly statements: SqlStatement[];
}

/** Checks a job as `enqueue` does, without storing it. */
export type Prepare = (
  task: Task | string,
  payloads: readonly unknown[],
  options?: EnqueueOptions,
) => Promise<readonly Prepared[]>;

/**
 * Jobs as statements to be spliced into a batch of the caller's, or into the statements that a
 * handler completes its job with. The jobs are there once that is committed; running the
 * statements twice adds nothing more.
 *
 * @example
 * ```ts
 * import { createClient } from "@libsql/client";
 * import { Errand } from "errand";
 *
 * const client = createClient({ url: "file:shop.db" });
 * await using errand = await Errand.open({ client });
 * const { statements } = await errand.statements.enqueue("ship", { order: 7 });
 * const paid = { sql: "UPDATE orders SET paid = 1 WHERE id = ?", args: [7] };
 * await client.batch([paid, ...statements], "write");
 * errand.wake();
 * ```
 */
export class Statements {
  readonly #broker: Pick<Broker, "statements">;
  readonly #prepare: Prepare;

  /** Made by an Errand. */
  constructor(broker: Pick<Broker, "statements">, prepare: Prepare) {
    this.#broker = broker;
    this.#prepare = prepare;
  }

  /**
   * What adds a job.
   *
   * @throws {ErrandError} as `enqueue` does for what it is called with.
   */
  enqueue<In, Parsed, Result>(
    task: Task<In, Parsed, Result>,
    ...payload: PayloadArguments<In, EnqueueOptions>
  ): Promise<JobStatements>;
  /** The same by name. */
  enqueue(task: string, payload?: unknown, options?: EnqueueOptions): Promise<JobStatements>;
  async enqueue(
    task: Task | string,
    payload?: unknown,
    options?: EnqueueOptions,
  ): Promise<JobStatements> {
    const { ids, statements } = await this.#statements(task, [payload], options);
    return { id: ids[0]!, statements };
  }

  /** What adds several jobs of one task with the same options, at most 10,000. */
  enqueueMany<In, Parsed, Result>(
    task: Task<In, Parsed, Result>,
    payloads: readonly NoInfer<In>[],
    options?: EnqueueOptions,
  ): Promise<JobsStatements>;
  /** The same by name. */
  enqueueMany(
    task: string,
    payloads: readonly unknown[],
    options?: EnqueueOptions,
  ): Promise<JobsStatements>;
  enqueueMany(
    task: Task | string,
    payloads: readonly unknown[],
    options?: EnqueueOptions,
  ): Promise<JobsStatements> {
    return this.#statements(task, payloads, options);
  }

  async #statements(
    task: Task | string,
    payloads: readonly unknown[],
    options: EnqueueOptions | undefined,
  ): Promise<JobsStatements> {
    const jobs = await this.#prepare(task, payloads, options);
    return { ids: jobs.map(({ id }) => id), statements: await this.#broker.statements(jobs) };
  }
}
