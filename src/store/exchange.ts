/**
 * "These are done, give me more", in one write batch.
 *
 * @module
 */
import type { ExchangeAnswer, ExchangeRequest } from "../broker.ts";
import { claimed, claimStatements } from "./claim.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { CLOSE_LEASES, lostSettlements, settlementBatch } from "./settle.ts";

/** Hands in outcomes, closes leases and claims, in one transaction. */
export async function exchange(
  driver: Driver,
  now: number | null,
  request: ExchangeRequest,
): Promise<ExchangeAnswer> {
  const { worker, settlements, closedLeases, claim } = request;
  const batch = settlementBatch(now, settlements);
  const statements: Statement[] = [
    ...batch.statements,
    ...(closedLeases.length === 0
      ? []
      : [{ sql: CLOSE_LEASES, args: [JSON.stringify(closedLeases)] }]),
  ];
  const claimAt = statements.length;
  if (claim !== undefined) statements.push(...claimStatements(now, worker, claim));
  const results = await driver.write(statements);
  return {
    lost: await lostSettlements(driver, settlements, batch, results),
    ...(claim === undefined ? { jobs: [] } : claimed(results.slice(claimAt), claim.lease)),
  };
}
