/**
 * The migration that made unique jobs possible. Released: never edited.
 *
 * @module
 */

/**
 * A job holds its key as long as it is in the index of its scope, and it leaves the index in the
 * very write by which it leaves the scope, whichever statement that is. An index for each scope, as
 * every change of a column in an index's condition writes the entry anew.
 */
export const UNIQUE_JOBS: readonly string[] = [
  "ALTER TABLE errand_job ADD COLUMN unique_key TEXT",
  "ALTER TABLE errand_job ADD COLUMN unique_scope TEXT",
  `ALTER TABLE errand_job ADD COLUMN unique_until INTEGER
    CONSTRAINT errand_job_unique CHECK (unique_scope IS NULL OR CASE unique_scope
      WHEN 'waiting' THEN unique_key IS NOT NULL AND unique_until IS NULL
      WHEN 'live' THEN unique_key IS NOT NULL AND unique_until IS NULL
      WHEN 'window' THEN unique_key IS NOT NULL AND unique_until IS NOT NULL
      ELSE false END)`,
  `CREATE UNIQUE INDEX errand_job_unique_waiting ON errand_job (unique_key)
    WHERE unique_scope = 'waiting' AND started_at IS NULL AND ended_at IS NULL`,
  `CREATE UNIQUE INDEX errand_job_unique_live ON errand_job (unique_key)
    WHERE unique_scope = 'live' AND ended_at IS NULL`,
  `CREATE UNIQUE INDEX errand_job_unique_window ON errand_job (unique_key)
    WHERE unique_scope = 'window'`,
];
