/**
 * The migration that made unique jobs possible. Released: never edited.
 *
 * @module
 */

/**
 * A job holds its key as long as it is in the index, and it leaves the index in the very write by
 * which it leaves its scope, whichever statement that is. Plain jobs are never in it.
 */
export const UNIQUE_JOBS: readonly string[] = [
  "ALTER TABLE errand_job ADD COLUMN unique_key TEXT",
  "ALTER TABLE errand_job ADD COLUMN unique_scope TEXT",
  `ALTER TABLE errand_job ADD COLUMN unique_until INTEGER
    CONSTRAINT errand_job_unique CHECK (unique_key IS NULL OR CASE unique_scope
      WHEN 'waiting' THEN unique_until IS NULL
      WHEN 'live' THEN unique_until IS NULL
      WHEN 'window' THEN unique_until IS NOT NULL
      ELSE false END)`,
  `CREATE UNIQUE INDEX errand_job_unique_key ON errand_job (unique_key)
    WHERE unique_key IS NOT NULL AND CASE unique_scope
      WHEN 'waiting' THEN started_at IS NULL AND ended_at IS NULL
      WHEN 'live' THEN ended_at IS NULL
      ELSE true END`,
];
