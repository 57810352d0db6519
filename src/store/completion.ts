/**
 * Completing a job together with statements of its handler: in one transaction, which is rolled
 * back as a whole when the lease no longer holds the job or a statement fails.
 *
 * @module
 */
import type { CompletionAnswer, CompletionRequest } from "../broker.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { isStatementFault } from "./driver/faults.ts";
import { CLOSE_LEASES, reportStatements, settledStatements } from "./settle.ts";

/** Right after the fenced change of a single job: fails, and the whole batch, when it missed. */
export const FENCE: string = "SELECT CASE changes() WHEN 1 THEN 1 ELSE json('LEASE_LOST') END";

const STANDING = "SELECT state, lease_id IS ?2 FROM errand_job WHERE id = ?1";

/**
 * Stores a completion. A repetition after a lost answer is recognised: the ended job names its
 * lease, and the fence keeps its statements from being run again.
 */
export async function complete(
  driver: Driver,
  now: number | null,
  request: CompletionRequest,
): Promise<CompletionAnswer> {
  try {
    await driver.write(statements(now, request), { once: true });
    return { kind: "stored" };
  } catch (error) {
    const end = await standing(driver, request);
    if (end !== undefined) return end;
    const { cause = error } = error as Error;
    if (isStatementFault(cause)) return { kind: "refused", error: cause };
    throw error;
  }
}

function statements(now: number | null, request: CompletionRequest): Statement[] {
  const [settle, ...count] = settledStatements(now, request);
  return [
    ...reportStatements([request]),
    settle!,
    { sql: FENCE, args: [] },
    ...count, // a statement that only reads leaves changes() as it was
    ...request.outcome.statements ?? [],
    { sql: CLOSE_LEASES, args: [JSON.stringify([request.lease])] },
  ];
}

/** What the job says about a batch that failed; `undefined` while it runs under the lease. */
async function standing(
  driver: Driver,
  { id, lease, retentionMs, repeated }: CompletionRequest,
): Promise<CompletionAnswer | undefined> {
  const [found] = await driver.read([{ sql: STANDING, args: [id, lease] }]);
  const [state, ours] = found!.rows[0] ?? [];
  if (state === "running" && ours) return undefined;
  // no retention: an earlier try that was stored has left no row
  const gone = state === undefined && repeated && retentionMs === 0;
  if (gone || (state === "completed" && ours)) return { kind: "stored" };
  return { kind: "lost", cancelled: state === "cancelled" };
}
