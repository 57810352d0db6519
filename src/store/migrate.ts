/**
 * Bringing the schema up to date.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";
import type { Driver, Statement } from "./driver/driver.ts";
import { isGuard } from "./driver/faults.ts";
import { NOW } from "./sql.ts";

/** The schema version that this code needs. */
export const SCHEMA_VERSION = 9;

const TABLE = `CREATE TABLE IF NOT EXISTS errand_migration (
  version INTEGER NOT NULL PRIMARY KEY,
  applied_at INTEGER NOT NULL
) STRICT`;

const HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'errand_migration'";

const VERSION = "SELECT coalesce(max(version), 0) FROM errand_migration";

/** Fails, and the whole batch with it, when another process has migrated in the meantime. */
const GUARD = `SELECT CASE (${VERSION}) WHEN ?1 THEN 1 ELSE json('MIGRATED') END`;

const RECORD = `INSERT INTO errand_migration (version, applied_at) VALUES (?2, ${NOW})`;

/** Brings the schema up to date; any number of processes may do so at the same time. */
export async function migrate(driver: Driver): Promise<void> {
  for (;;) {
    const version = await schemaVersion(driver);
    if (version === SCHEMA_VERSION) return;
    if (version > SCHEMA_VERSION) {
      throw new ErrandError(
        "SCHEMA_TOO_NEW",
        `Cannot open the database: its schema has version ${version} and this version of Errand ` +
          `knows ${SCHEMA_VERSION}; upgrade Errand`,
      );
    }
    await step(driver, version);
  }
}

async function schemaVersion(driver: Driver): Promise<number> {
  const [table] = await driver.read([{ sql: HAS_TABLE, args: [] }]);
  if (table?.rows.length === 0) return 0;
  const [version] = await driver.read([{ sql: VERSION, args: [] }]);
  return Number(version?.rows[0]?.[0]);
}

async function step(driver: Driver, version: number): Promise<void> {
  const { MIGRATIONS } = await import("./migrations.ts"); // most databases need none
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
