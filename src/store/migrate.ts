/**
 * Bringing the schema up to date.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";
import type { Driver } from "./driver/driver.ts";

/** The schema version that this code needs. */
export const SCHEMA_VERSION = 9;

const HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'errand_migration'";

const VERSION = "SELECT coalesce(max(version), 0) FROM errand_migration";

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
    const { step } = await import("./migration-step.ts"); // most databases need none
    await step(driver, version);
  }
}

async function schemaVersion(driver: Driver): Promise<number> {
  const [table] = await driver.read([{ sql: HAS_TABLE, args: [] }]);
  if (table?.rows.length === 0) return 0;
  const [version] = await driver.read([{ sql: VERSION, args: [] }]);
  return Number(version?.rows[0]?.[0]);
}
