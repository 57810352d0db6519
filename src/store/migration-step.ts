/**
 * One step of bringing the schema up to date.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { MIGRATIONS } from "./migrations.ts";
import { NOW } from "./sql.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS errand_migration (
  version INTEGER NOT NULL PRIMARY KEY,
  applied_at INTEGER NOT NULL
) STRICT`;

const VERSION = "SELECT coalesce(max(version), 0) FROM errand_migration";

/** Fails, and the whole batch with it, when another process has migrated in the meantime. */
const GUARD = `SELECT CASE (${VERSION}) WHEN ?1 THEN 1 ELSE json('MIGRATED') END`;

const RECORD = `INSERT INTO errand_migration (version, applied_at) VALUES (?2, ${NOW})`;

/** Brings the schema from `version` to the next one, unless another process has done so. */
export async function step(driver: Driver, version: number): Promise<void> {
  const statements: Statement[] = [
    { sql: TABLE, args: [] },
    { sql: GUARD, args: [BigInt(version)] },
    ...MIGRATIONS[version]!.map((sql) => ({ sql, args: [] })),
    { sql: RECORD, args: [null, BigInt(version + 1)] },
  ];
  try {
    await driver.write(statements);
  } catch (error) {
    if (error instanceof ErrandError && isGuard(error.cause)) return; // look again
    throw error;
  }
}
